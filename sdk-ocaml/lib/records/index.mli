(** Index files, what a [dir://] URL leads to: lines [label SP url LF], each the URL of an output. *)

(** [parse ~url text] is the labels and URLs in the index [text]; the error names [url], where it was read. *)
val parse : url:string -> string -> ((int * string) list, Errors.failure) result

(** [urls ?label entries] is the URLs of [entries] in their order: all of them, or those of one label. *)
val urls : ?label:int -> (int * string) list -> string list
