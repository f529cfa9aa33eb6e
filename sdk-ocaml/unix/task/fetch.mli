(** Opening the URL of an input: [disco://], [dir://], [http(s)://], [raw://] and [file://]. What cannot be opened or read
    is a [Bad_input], so that another replica is tried. *)

(** What an index holds at most, unpacked. *)
val max_index_bytes : int

(** [open_url info url] is the bytes behind [url], for the task that [info] describes. A [disco://] URL of the task's own
    host is opened as a file below disco_data or ddfs_data, and asked for over HTTP when that file is missing. *)
val open_url : Disco.Message.task -> string -> (Source.t, Disco.Errors.failure) result

(** [expand info url] is the URLs of the data behind [url]: those in the index that a [dir://] URL leads to (in a reduce
    the lines whose label is the task's id, in a map all), and [url] itself otherwise. *)
val expand : Disco.Message.task -> string -> (string list, Disco.Errors.failure) result
