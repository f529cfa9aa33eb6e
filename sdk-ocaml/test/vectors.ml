let rec find_upwards folder =
  let found = Filename.concat folder "conformance/vectors" in
  if Sys.file_exists found then found
  else
    let parent = Filename.dirname folder in
    if parent = folder then Alcotest.fail "conformance/vectors is in no folder above this one"
    else find_upwards parent

let root = lazy (find_upwards (Sys.getcwd ()))
let path name = Filename.concat (Lazy.force root) name

let read name =
  let channel = open_in_bin (path name) in
  Fun.protect
    ~finally:(fun () -> close_in channel)
    (fun () -> really_input_string channel (in_channel_length channel))

let names folder =
  let files = Array.to_list (Sys.readdir (path folder)) in
  let stems = List.sort_uniq compare (List.map Filename.remove_extension files) in
  if stems = [] then Alcotest.failf "%s has no vectors" folder else stems

(* Yojson, not our own reader: a test that reads its vectors with what it tests proves less. *)
let json name = Yojson.Basic.from_string (read name)

let member key value =
  match Yojson.Basic.Util.member key value with
  | `Null -> Alcotest.failf "no member %s in %s" key (Yojson.Basic.to_string value)
  | found -> found

let text = Yojson.Basic.Util.to_string

let sextet = function
  | 'A' .. 'Z' as c -> Char.code c - 65
  | 'a' .. 'z' as c -> Char.code c - 71
  | '0' .. '9' as c -> Char.code c + 4
  | '+' -> 62
  | '/' -> 63
  | c -> Alcotest.failf "%C is no base64" c

let base64 s =
  let out = Buffer.create (String.length s) in
  let bits = ref 0 and count = ref 0 in
  String.iter
    (fun c ->
      if c <> '=' then begin
        bits := ((!bits lsl 6) lor sextet c) land 0xFFFFFF;
        count := !count + 6;
        if !count >= 8 then begin
          count := !count - 8;
          Buffer.add_char out (Char.chr ((!bits lsr !count) land 0xFF))
        end
      end)
    s;
  Buffer.contents out
