(** Requests to the REST interfaces of a master, and how they fail. *)

(** What failed. [status] is [None] when no answer came. *)
type error = { url : string; status : int option; reason : string }

(** [pp_error ppf error] prints [error] for a person to read. *)
val pp_error : Format.formatter -> error -> unit

(** [request ?token ?patience_s ?body verb url] is the body of the answer, if its status is 200 or 201. A busy server (503)
    is asked again, and so is one that cannot be reached, unless doing it twice would harm (POST). *)
val request :
  ?token:string -> ?patience_s:int -> ?body:Http.body -> string -> string -> (string, error) result

(** [json ?token ?patience_s ?body verb url] is the JSON value in the body of the answer. *)
val json :
  ?token:string -> ?patience_s:int -> ?body:Http.body -> string -> string -> (Disco.Json.t, error) result

(** [unexpected url value] is the error for an answer of another shape than the interface has. *)
val unexpected : string -> Disco.Json.t -> ('a, error) result

(** [strings url value] is the list of strings in [value]. *)
val strings : string -> Disco.Json.t -> (string list, error) result
