external compress : string -> int -> string = "disco_zstd_compress"

(* At most [limit] bytes; shorter when the frame ends before. *)
external decompress : string -> int -> (string, string) result = "disco_zstd_decompress"

let level = 1
let name = "zstd"

let codec =
  {
    Disco.Codec.name;
    number = 2;
    compress = (fun raw -> compress raw level);
    decompress =
      (fun stored raw_len ->
        match decompress stored (raw_len + 1) with
        | Ok raw -> Disco.Codec.exactly name raw raw_len
        | Error reason -> Error (name ^ ": " ^ reason));
  }
