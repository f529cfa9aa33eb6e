(** The shared vectors of the conformance suite, which lie beside this SDK. *)

(** [names folder] is the sorted names (without extension) of the vectors in, say, ["frames/valid"]. It fails the test when
    there are none: a folder that moved must not look like success. *)
val names : string -> string list

(** [read path] is the bytes of a file of the vectors. *)
val read : string -> string

(** [json path] is the value in a file of the vectors. *)
val json : string -> Disco.Json.t

(** [member key value] is a member of an object, and fails the test when there is none. *)
val member : string -> Disco.Json.t -> Disco.Json.t

(** [text value] is a string, and fails the test when it is none. *)
val text : Disco.Json.t -> string

(** [base64 s] is the bytes that [s] stands for. *)
val base64 : string -> string
