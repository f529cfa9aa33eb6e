(** Which label a key belongs to: the CRC-32 of the key's canonical bytes, modulo the number of labels. The same number
    in every language and process, so that a key's records meet in one reduce whoever emitted them. *)

(** [partition key n] is the label of the bytes [key] among [n] labels. An [n] below 1 counts as 1. *)
val partition : string -> int -> int

(** Keys of other types, as other languages have them. *)
type key =
  | Bytes of string  (** Bytes as they are, and text as its UTF-8. *)
  | Int of int
  | Nothing
  | Tuple of key list

(** [canonical key] is the bytes that stand for [key]: integers are decimal, nothing is empty, and a tuple is the
    canonical bytes of its elements, each after its length as u32, little-endian. *)
val canonical : key -> string
