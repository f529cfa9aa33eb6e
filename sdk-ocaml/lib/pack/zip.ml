type file = { path : string; content : string; executable : bool }
type entry = { name : string; mode : int; size : int }

let local_signature = 0x04034B50
let central_signature = 0x02014B50
let end_signature = 0x06054B50
let end_bytes = 22
let central_bytes = 46
let first_day = 0x0021 (* 1980-01-01, the first that ZIP can express *)
let version = 20
let made_by_unix = (3 lsl 8) lor version
let utf8_flag = 0x0800
let file_mode executable = if executable then 0o100755 else 0o100644

let u16 = Buffer.add_uint16_le
let u32 buffer n = Buffer.add_int32_le buffer (Int32.of_int n)

(* What local and central headers share: from "version needed" to the length of the extra field. *)
let described buffer { path; content; _ } =
  let is_ascii = String.for_all (fun c -> c < '\128') path in
  let size = String.length content in
  u16 buffer version;
  u16 buffer (if is_ascii then 0 else utf8_flag);
  u16 buffer 0;
  u16 buffer 0;
  u16 buffer first_day;
  u32 buffer (Crc32.string content);
  u32 buffer size;
  u32 buffer size;
  u16 buffer (String.length path);
  u16 buffer 0

let local buffer file =
  let offset = Buffer.length buffer in
  u32 buffer local_signature;
  described buffer file;
  Buffer.add_string buffer file.path;
  Buffer.add_string buffer file.content;
  offset

let central buffer file offset =
  u32 buffer central_signature;
  u16 buffer made_by_unix;
  described buffer file;
  u16 buffer 0;
  u16 buffer 0;
  u16 buffer 0;
  u32 buffer (file_mode file.executable lsl 16);
  u32 buffer offset;
  Buffer.add_string buffer file.path

let archive files =
  let files = List.sort (fun a b -> String.compare a.path b.path) files in
  let buffer = Buffer.create 65_536 in
  let offsets = List.map (local buffer) files in
  let directory = Buffer.length buffer in
  List.iter2 (central buffer) files offsets;
  let size = Buffer.length buffer - directory in
  u32 buffer end_signature;
  u16 buffer 0;
  u16 buffer 0;
  u16 buffer (List.length files);
  u16 buffer (List.length files);
  u32 buffer size;
  u32 buffer directory;
  u16 buffer 0;
  Buffer.contents buffer

let at32 s i = Int32.to_int (String.get_int32_le s i) land 0xFFFFFFFF
let at16 = String.get_uint16_le

let rec find_end s i =
  if i < 0 || i < String.length s - end_bytes - 0xFFFF then None
  else if at32 s i = end_signature then Some i
  else find_end s (i - 1)

let entries s =
  match find_end s (String.length s - end_bytes) with
  | None -> Error "it is no ZIP archive: the end of its directory is missing"
  | Some tail ->
    let stop = at32 s (tail + 16) + at32 s (tail + 12) in
    let rec from i n found =
      if n = 0 then Ok (List.rev found)
      else if i < 0 || i + central_bytes > min stop tail || at32 s i <> central_signature then
        Error "its directory is damaged"
      else
        let name_bytes = at16 s (i + 28) in
        let after = i + central_bytes + name_bytes in
        if after > tail then Error "its directory is damaged"
        else
          let name = String.sub s (i + central_bytes) name_bytes in
          let mode = (at32 s (i + 38) lsr 16) land 0xFFFF in
          let entry = { name; mode; size = at32 s (i + 24) } in
          from (after + at16 s (i + 30) + at16 s (i + 32)) (n - 1) (entry :: found)
    in
    from (at32 s (tail + 16)) (at16 s (tail + 10)) []
