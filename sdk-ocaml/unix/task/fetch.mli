(** Opening the URL of an input: [disco://], [dir://], [http(s)://], [raw://] and [file://]. What cannot be opened or read
    is a [Bad_input], so that another replica is tried. *)

(** What an index holds at most, unpacked. *)
val max_index_bytes : int

(** Where is read: files of [host] are opened below [disco_data] and [ddfs_data]; other hosts are asked on [disco_port]. Of
    an index the lines with [label] count, all of them when it is [None]. *)
type place = { host : string; disco_port : int; disco_data : string; ddfs_data : string; label : int option }

(** [place_of ?all_labels info] is the place of the task that [info] describes. A reduce reads the label that is its
    task's id, unless [all_labels] is set. *)
val place_of : ?all_labels:bool -> Disco.Message.task -> place

(** [open_url place url] is the bytes behind [url]. A [disco://] URL of the place's own
    host is opened as a file below disco_data or ddfs_data, and asked for over HTTP when that file is missing. *)
val open_url : place -> string -> (Source.t, Disco.Errors.failure) result

(** [expand place url] is the URLs of the data behind [url]: those in the index that a [dir://] URL leads to, and [url]
    itself otherwise. *)
val expand : place -> string -> (string list, Disco.Errors.failure) result
