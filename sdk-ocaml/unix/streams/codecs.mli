(** The codecs that can be used here, and gzip for index files. *)

(** [zlib] is codec number 1: level 1 when writing. *)
val zlib : Disco.Codec.t

(** [zstd] is codec number 2: {!Disco_zstd.codec}. *)
val zstd : Disco.Codec.t

(** [all] is every codec that can be read here: none, zlib, zstd. *)
val all : Disco.Codec.t list

(** [by_name name] is the codec called [name]. *)
val by_name : string -> Disco.Codec.t option

(** [gunzip ~max_bytes s] is the content of the gzip data [s] (of all its members), or what is wrong with it. *)
val gunzip : max_bytes:int -> string -> (string, string) result
