(** DDFS, the distributed filesystem, from the client's side: tags, and the blobs they hold.

    A tag holds replica sets (lists of URLs of the same blob; a set of one [tag://NAME] links to another tag) and
    attributes. Calls take the tag's token where it has one; the status of an error is 401 for a wrong token and 404 for
    what is not there. *)

(** A master. *)
type t

(** [connect master] is DDFS of the master at the URL [master], such as ["http://localhost:8989"]. Nothing is sent. *)
val connect : string -> t

(** The URLs of one blob. *)
type blob = string list

type tag = {
  id : string;
  version : int;
  last_modified : string;
  urls : blob list;
  attributes : (string * string) list;
}

(** [list ?prefix ddfs] is the names of all tags that begin with [prefix]. *)
val list : ?prefix:string -> t -> (string list, Rest.error) result

(** [get ?token ddfs name] is the tag [name]. *)
val get : ?token:string -> t -> string -> (tag, Rest.error) result

(** [append ?token ?update ?delayed ddfs name urls] adds [urls] to the tag, which is made if it is not there. [update]
    leaves out what the tag already has; [delayed] lets the master commit it with others. *)
val append :
  ?token:string -> ?update:bool -> ?delayed:bool -> t -> string -> blob list -> (unit, Rest.error) result

(** [replace ?token ddfs name urls] makes [urls] the content of the tag. *)
val replace : ?token:string -> t -> string -> blob list -> (unit, Rest.error) result

(** [delete ?token ddfs name] deletes the tag; no error if there is none. *)
val delete : ?token:string -> t -> string -> (unit, Rest.error) result

(** [attribute ?token ddfs name key] is the value of an attribute. *)
val attribute : ?token:string -> t -> string -> string -> (string, Rest.error) result

(** [set_attribute ?token ddfs name key value] sets an attribute; the keys [ddfs:read-token] and [ddfs:write-token] set the
    tag's tokens. *)
val set_attribute : ?token:string -> t -> string -> string -> string -> (unit, Rest.error) result

(** [delete_attribute ?token ddfs name key] deletes an attribute. *)
val delete_attribute : ?token:string -> t -> string -> string -> (unit, Rest.error) result

(** What becomes a blob: a file, or bytes. *)
type content = Path of string | Bytes of string

(** [store ?replicas ddfs name content] stores a blob called [name] on as many nodes as wanted, and is the URLs of its
    replicas. When a node fails, others are asked for. It belongs to no tag yet. *)
val store : ?replicas:int -> t -> string -> content -> (blob, Rest.error) result

(** [push ?token ?replicas ?update ?delayed ddfs name blobs] stores each named content and appends it to the tag. *)
val push :
  ?token:string ->
  ?replicas:int ->
  ?update:bool ->
  ?delayed:bool ->
  t ->
  string ->
  (string * content) list ->
  (blob list, Rest.error) result

(** [save_outputs task outputs] stores the files of finished [outputs] (see {!Output.finish}) under the tag of the job's
    results, and reports that tag to Disco. The blobs are named by task, so a second attempt adds nothing: call it once a
    task, with all of its outputs. [token] is by default the variable [DDFS_WRITE_TOKEN] of the job's environment; it
    becomes the token of the tag that is made. *)
val save_outputs : Task.t -> ?token:string -> string list -> (unit, Disco.Errors.failure) result

(** [legal_name s] is [s] with [_] for what a name may not have. *)
val legal_name : string -> string
