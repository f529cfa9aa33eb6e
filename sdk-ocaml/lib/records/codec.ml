type t = {
  name : string;
  number : int;
  compress : string -> string;
  decompress : string -> int -> (string, string) result;
}

let exactly name raw raw_len =
  if String.length raw = raw_len then Ok raw
  else Error (Printf.sprintf "%s: %d bytes where the header says %d" name (String.length raw) raw_len)

let none = { name = "none"; number = 0; compress = Fun.id; decompress = exactly "none" }

let name_of = function
  | 0 -> Some "none"
  | 1 -> Some "zlib"
  | 2 -> Some "zstd"
  | 3 -> Some "lz4"
  | _ -> None
