(** HTTP through libcurl: downloads that are read piece by piece, and the requests of the REST interfaces. *)

(** [download ?token url] is the body of a GET, once its status was seen to be 200; redirects are followed. A body that
    ends before its announced length, or that stands still for a minute, breaks with an error. *)
val download : ?token:string -> string -> (Source.t, string) result

type response = { status : int; body : string }

(** What a request sends: bytes, or a file from its start. *)
type body = Nothing | Text of string | File of string

(** [request ?token ?patience_s ~body verb url] is the answer to a request, whatever its status; the error is that none
    came. [patience_s] (default 60) is how long the other end may be silent. The token goes where Disco wants it: into
    basic authentication, for the user [token]. *)
val request :
  ?token:string -> ?patience_s:int -> body:body -> string -> string -> (response, string) result
