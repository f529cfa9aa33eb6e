(** Counts as text. They are short: digits are read and written here, without the machinery of formats. *)

(** [number s] is the decimal integer [s]; 0 for what is none. *)
val number : string -> int

(** [text n] is [n] in decimal. *)
val text : int -> string
