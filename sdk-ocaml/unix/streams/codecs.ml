let level = 1
let piece_bytes = 64 * 1024

let deflate raw =
  let stream = Zlib.deflate_init level true in
  let size = String.length raw in
  let out = Buffer.create (1024 + (size / 2)) and piece = Bytes.create piece_bytes in
  let rec more at =
    let finished, used, made =
      Zlib.deflate_string stream raw at (size - at) piece 0 piece_bytes Zlib.Z_FINISH
    in
    Buffer.add_subbytes out piece 0 made;
    if not finished then more (at + used)
  in
  more 0;
  Zlib.deflate_end stream;
  Buffer.contents out

(* Inflates the data of [s] from [start] on, if that is no more than [most] bytes: the bytes, and where the data ended. *)
let inflate ~header ~most s start =
  let stream = Zlib.inflate_init header in
  let out = Buffer.create 4096 and piece = Bytes.create piece_bytes in
  let rec more at =
    (* One byte to spare, so that too much shows. *)
    let room = min piece_bytes (most + 1 - Buffer.length out) in
    let finished, used, made =
      Zlib.inflate_string stream s at (String.length s - at) piece 0 room Zlib.Z_SYNC_FLUSH
    in
    Buffer.add_subbytes out piece 0 made;
    if Buffer.length out > most then Error (Printf.sprintf "more than %d bytes come out" most)
    else if finished then Ok (Buffer.contents out, at + used)
    else if used = 0 && made = 0 then Error "the compressed data is cut short"
    else more (at + used)
  in
  let result = try more start with Zlib.Error (_, reason) -> Error ("damaged data " ^ reason) in
  (try Zlib.inflate_end stream with Zlib.Error _ -> ());
  result

let zlib =
  let decompress stored raw_len =
    match inflate ~header:true ~most:raw_len stored 0 with
    | Error reason -> Error ("zlib: " ^ reason)
    | Ok (_, stop) when stop < String.length stored ->
      Error (Printf.sprintf "zlib: %d bytes follow the compressed data" (String.length stored - stop))
    | Ok (raw, _) -> Disco.Codec.exactly "zlib" raw raw_len
  in
  { Disco.Codec.name = "zlib"; number = 1; compress = deflate; decompress }

let zstd = Disco_zstd.codec
let all = [ Disco.Codec.none; zlib; zstd ]
let by_name name = List.find_opt (fun codec -> codec.Disco.Codec.name = name) all

(* ---- gzip (RFC 1952) *)

let u16 s at = String.get_uint16_le s at

let skip_text s at =
  match String.index_from_opt s at '\000' with Some stop -> Ok (stop + 1) | None -> Error "the header is cut short"

let ( let* ) = Result.bind

let gzip_data_start s at =
  if String.length s - at < 18 || s.[at] <> '\x1F' || s.[at + 1] <> '\x8B' || s.[at + 2] <> '\008' then
    Error "it is not gzip data"
  else
    let flags = Char.code s.[at + 3] in
    let has bit = flags land bit <> 0 in
    let start = at + 10 in
    let* start =
      if not (has 4) then Ok start
      else if start + 2 + u16 s start > String.length s then Error "the header is cut short"
      else Ok (start + 2 + u16 s start)
    in
    let* start = if has 8 then skip_text s start else Ok start in
    let* start = if has 16 then skip_text s start else Ok start in
    let start = if has 2 then start + 2 else start in
    if start > String.length s then Error "the header is cut short" else Ok start

let gzip_member ~most s at =
  let* start = gzip_data_start s at in
  let* raw, stop = inflate ~header:false ~most s start in
  if stop + 8 > String.length s then Error "the end is cut off"
  else if Int32.to_int (String.get_int32_le s stop) land 0xFFFFFFFF <> Disco.Crc32.string raw then
    Error "the checksum does not match"
  else Ok (raw, stop + 8)

let gunzip ~max_bytes s =
  let rec members at left found =
    if at = String.length s && at > 0 then Ok (String.concat "" (List.rev found))
    else
      let* raw, next = gzip_member ~most:left s at in
      members next (left - String.length raw) (raw :: found)
  in
  members 0 max_bytes []
