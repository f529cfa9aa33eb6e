let ( let* ) = Result.bind
let magic = 0xD1
let kv = 1
let header_bytes = 20
let target_raw_bytes = 1024 * 1024
let max_records = 65_536
let max_raw_bytes = 1024 * 1024 * 1024
let max_growth_bytes = 1024 * 1024
let kept_buffer_bytes = 4 * 1024 * 1024

(* ---- reading *)

type batch = { raw : string; first : int; count : int }

let length batch = batch.count
let u32 s at = Int32.to_int (String.get_int32_le s at) land 0xFFFFFFFF

let iter { raw; first; _ } f =
  let size = String.length raw in
  let rec from at =
    if at >= size then Ok ()
    else
      let key_bytes = u32 raw at in
      let after_key = at + 4 + key_bytes in
      let value_bytes = u32 raw after_key in
      match f (String.sub raw (at + 4) key_bytes) (String.sub raw (after_key + 4) value_bytes) with
      | Ok () -> from (after_key + 4 + value_bytes)
      | Error _ as error -> error
  in
  from first

(* Where the record number [n] of [raw] starts, counting from the record at [at]. *)
let rec offset_of raw at n =
  if n = 0 then at
  else
    let after_key = at + 4 + u32 raw at in
    offset_of raw (after_key + 4 + u32 raw after_key) (n - 1)

(* The number of records, or the number of the first one that does not end within [raw]. *)
let count_records raw =
  let size = String.length raw in
  let rec from at n =
    if at = size then Ok n
    else if at + 4 > size then Error n
    else
      let after_key = at + 4 + u32 raw at in
      if after_key + 4 > size then Error n
      else
        let after = after_key + 4 + u32 raw after_key in
        if after > size then Error n else from after (n + 1)
  in
  from 0 0

type header = { encoding : int; codec : int; reserved : int; raw_len : int; stored_len : int; records : int; crc32 : int }

type reader = {
  url : string;
  codecs : Codec.t list;
  mutable skip : int;
  mutable buffer : Bytes.t;
  mutable start : int;
  mutable stop : int;
  mutable offset : int;  (* of [start] in the stream *)
  mutable failure : Errors.failure option;
}

let reader ?(skip = 0) ~codecs url =
  { url; codecs; skip; buffer = Bytes.create 65_536; start = 0; stop = 0; offset = 0; failure = None }

let feed r bytes offset length =
  let used = r.stop - r.start and size = Bytes.length r.buffer in
  if r.stop + length > size then begin
    let wanted = used + length in
    let target =
      if wanted > size then max wanted (2 * size)
      else if size > kept_buffer_bytes && wanted < kept_buffer_bytes then kept_buffer_bytes
      else size
    in
    let buffer = if target <> size then Bytes.create target else r.buffer in
    Bytes.blit r.buffer r.start buffer 0 used;
    r.buffer <- buffer;
    r.start <- 0;
    r.stop <- used
  end;
  Bytes.blit bytes offset r.buffer r.stop length;
  r.stop <- r.stop + length

let consume r n =
  r.start <- r.start + n;
  r.offset <- r.offset + n

let damaged r reason =
  let reason =
    Printf.sprintf "Corrupted data between bytes %d-%d: %s" r.offset (r.offset + r.stop - r.start) reason
  in
  let failure = Errors.Bad_input { url = r.url; reason } in
  r.failure <- Some failure;
  failure

let header_at buffer at =
  let byte n = Char.code (Bytes.get buffer (at + n)) in
  let u32 n = Int32.to_int (Bytes.get_int32_le buffer (at + n)) land 0xFFFFFFFF in
  {
    encoding = byte 1;
    codec = byte 2;
    reserved = byte 3;
    raw_len = u32 4;
    stored_len = u32 8;
    records = u32 12;
    crc32 = u32 16;
  }

let header_fault h =
  if h.reserved <> 0 then Some (Printf.sprintf "byte 3 of the header is %d, not 0" h.reserved)
  else if h.encoding > 2 then Some (Printf.sprintf "encoding number %d is unknown" h.encoding)
  else if h.encoding <> kv then
    Some
      (Printf.sprintf "the records are in Python's own encoding (%s), which only Python reads: write kv records"
         (if h.encoding = 0 then "pickle" else "marshal"))
  else if Codec.name_of h.codec = None then Some (Printf.sprintf "codec number %d is unknown" h.codec)
  else if h.raw_len > max_raw_bytes then
    Some (Printf.sprintf "a hunk has at most %d raw bytes, the header says %d" max_raw_bytes h.raw_len)
  else if h.stored_len > h.raw_len + max_growth_bytes then
    Some (Printf.sprintf "%d stored bytes for %d raw ones" h.stored_len h.raw_len)
  else if h.records > h.raw_len then Some (Printf.sprintf "%d records in %d bytes" h.records h.raw_len)
  else None

let decompress r h stored =
  match List.find_opt (fun c -> c.Codec.number = h.codec) r.codecs with
  | Some codec -> codec.decompress stored h.raw_len
  | None ->
    Error
      (Printf.sprintf "codec %s cannot be read here: this reader has %s"
         (Option.value (Codec.name_of h.codec) ~default:"?")
         (String.concat ", " (List.map (fun c -> c.Codec.name) r.codecs)))

let decode r h stored =
  if Crc32.string stored <> h.crc32 then Error "the checksum does not match"
  else
    let* raw = decompress r h stored in
    match count_records raw with
    | Error n -> Error (Printf.sprintf "the record after the first %d does not end within the hunk" n)
    | Ok count when count <> h.records ->
      Error (Printf.sprintf "%d records where the header says %d" count h.records)
    | Ok count -> Ok { raw; first = 0; count }

let without_skipped r batch =
  let passed = min r.skip batch.count in
  r.skip <- r.skip - passed;
  if passed = 0 then batch
  else { batch with first = offset_of batch.raw batch.first passed; count = batch.count - passed }

let rec next r =
  match r.failure with
  | Some failure -> `Error failure
  | None when r.start = r.stop -> `Await
  | None when Bytes.get r.buffer r.start <> Char.chr magic ->
    `Error
      (damaged r
         (Printf.sprintf "a hunk begins with byte 0x%02X, not 0x%02X" magic
            (Char.code (Bytes.get r.buffer r.start))))
  | None when r.stop - r.start < header_bytes -> `Await
  | None -> (
    let h = header_at r.buffer r.start in
    match header_fault h with
    | Some reason -> `Error (damaged r reason)
    | None -> if r.stop - r.start < header_bytes + h.stored_len then `Await else take r h)

and take r h =
  let size = header_bytes + h.stored_len in
  if r.skip > 0 && h.records <= r.skip then begin
    r.skip <- r.skip - h.records;
    consume r size;
    next r
  end
  else
    match decode r h (Bytes.sub_string r.buffer (r.start + header_bytes) h.stored_len) with
    | Error reason -> `Error (damaged r reason)
    | Ok batch ->
      consume r size;
      let batch = without_skipped r batch in
      if batch.count = 0 then next r else `Batch batch

let finish r =
  match r.failure with
  | Some failure -> Error failure
  | None when r.stop > r.start ->
    Error (damaged r "the stream ends inside a hunk (truncated)")
  | None -> Ok ()

let left_to_skip r = r.skip

(* ---- writing *)

type writer = {
  codec : Codec.t;
  target : int;
  write : string -> (unit, Errors.failure) result;
  mutable raw : Bytes.t;
  mutable filled : int;
  mutable count : int;
}

let first_raw_bytes = 16 * 1024

let writer ?(target = target_raw_bytes) ~codec write =
  { codec; target; write; raw = Bytes.create first_raw_bytes; filled = 0; count = 0 }

let encode codec raw records =
  let stored = codec.Codec.compress raw in
  let number, stored =
    if String.length stored >= String.length raw then (Codec.none.number, raw) else (codec.number, stored)
  in
  let hunk = Bytes.create (header_bytes + String.length stored) in
  let u32 at value = Bytes.set_int32_le hunk at (Int32.of_int value) in
  Bytes.set_uint8 hunk 0 magic;
  Bytes.set_uint8 hunk 1 kv;
  Bytes.set_uint8 hunk 2 number;
  Bytes.set_uint8 hunk 3 0;
  u32 4 (String.length raw);
  u32 8 (String.length stored);
  u32 12 records;
  u32 16 (Crc32.string stored);
  Bytes.blit_string stored 0 hunk header_bytes (String.length stored);
  Bytes.unsafe_to_string hunk

let flush w =
  if w.count = 0 then Ok ()
  else begin
    let hunk = encode w.codec (Bytes.sub_string w.raw 0 w.filled) w.count in
    w.filled <- 0;
    w.count <- 0;
    w.write hunk
  end

let make_room w more =
  let size = Bytes.length w.raw in
  if w.filled + more > size then begin
    let raw = Bytes.create (max (w.filled + more) (2 * size)) in
    Bytes.blit w.raw 0 raw 0 w.filled;
    w.raw <- raw
  end

let put w text =
  let size = String.length text in
  Bytes.set_int32_le w.raw w.filled (Int32.of_int size);
  Bytes.blit_string text 0 w.raw (w.filled + 4) size;
  w.filled <- w.filled + 4 + size

let add w key value =
  let size = 8 + String.length key + String.length value in
  if size > max_raw_bytes then
    Error
      (Errors.Fatal
         (Printf.sprintf "a record of %d bytes is too big: a record stream takes at most %d" size max_raw_bytes))
  else
    let* () = if w.filled + size > max_raw_bytes then flush w else Ok () in
    make_room w size;
    put w key;
    put w value;
    w.count <- w.count + 1;
    if w.filled >= w.target || w.count >= max_records then flush w else Ok ()
