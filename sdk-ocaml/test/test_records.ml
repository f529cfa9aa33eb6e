(* Record streams: the shared vectors, every codec, limits, resuming, and mutations. *)
open Disco
open Disco_unix

let text = Errors.to_string

let collect reader pieces =
  let found = ref [] in
  let rec take () =
    match Hunk.next reader with
    | `Await -> Ok ()
    | `Error failure -> Error failure
    | `Batch batch ->
      ignore
        (Hunk.iter batch (fun key value ->
           found := (key, value) :: !found;
           Ok ()));
      take ()
  in
  let feed result piece =
    Hunk.feed reader (Bytes.of_string piece) 0 (String.length piece);
    Result.bind result take
  in
  let result = List.fold_left feed (Ok ()) pieces in
  (List.rev !found, Result.bind result (fun () -> Hunk.finish reader))

let read ?skip pieces = collect (Hunk.reader ?skip ~codecs:Codecs.all "disco://here") pieces
let byte_by_byte s = List.init (String.length s) (fun n -> String.make 1 s.[n])

let in_sevens s =
  let size = String.length s in
  List.init ((size + 6) / 7) (fun n -> String.sub s (7 * n) (min 7 (size - (7 * n))))

let expected name =
  let record one =
    match Yojson.Basic.Util.to_list one with
    | [ key; value ] -> Vectors.(base64 (text key), base64 (text value))
    | _ -> Alcotest.fail "no pair"
  in
  let all = Vectors.(member "records" (json ("records/valid/" ^ name ^ ".json"))) in
  List.map record (Yojson.Basic.Util.to_list all)

let pairs = Alcotest.(list (pair string string))
let contains text part =
  let size = String.length part in
  let rec at n = n + size <= String.length text && (String.sub text n size = part || at (n + 1)) in
  at 0

let valid name () =
  let bytes = Vectors.read ("records/valid/" ^ name ^ ".bin") in
  if contains name "lz4" then
    match read [ bytes ] with
    | _, Error failure -> Alcotest.(check bool) "the codec is named (2.5)" true (contains (text failure) "lz4")
    | _ -> Alcotest.fail "lz4 was read"
  else
    List.iter
      (fun pieces ->
        let found, result = read pieces in
        Alcotest.check pairs name (expected name) found;
        Alcotest.(check bool) "to the end" true (result = Ok ()))
      [ [ bytes ]; byte_by_byte bytes; in_sevens bytes ]

let invalid name () =
  let bytes = Vectors.read ("records/invalid/" ^ name ^ ".bin") in
  let before = (Gc.quick_stat ()).Gc.heap_words in
  List.iter
    (fun pieces ->
      match read pieces with
      | _, Ok () -> Alcotest.fail "taken"
      | _, Error failure ->
        Alcotest.(check bool) "the URL is named (3.1)" true (contains (text failure) "disco://here"))
    [ [ bytes ]; byte_by_byte bytes ];
  let taken = 8 * ((Gc.quick_stat ()).Gc.heap_words - before) in
  Alcotest.(check bool) "no memory for a claim (1.3)" true (taken < 256 * 1024 * 1024)

(* ---- writing *)

let written ?target codec records =
  let all = Buffer.create 1024 and hunks = ref 0 in
  let write hunk =
    incr hunks;
    Ok (Buffer.add_string all hunk)
  in
  let writer = Hunk.writer ?target ~codec write in
  List.iter (fun (key, value) -> Result.get_ok (Hunk.add writer key value)) records;
  Result.get_ok (Hunk.flush writer);
  (Buffer.contents all, !hunks)

let there_and_back codec records =
  let bytes, _ = written ~target:200 codec records in
  read [ bytes ] = (records, Ok ())

let hunks_are_cut () =
  let value = String.make 1000 'v' in
  let records = List.init 3000 (fun n -> (string_of_int n, value)) in
  let bytes, hunks = written Codecs.zlib records in
  Alcotest.(check int) "3 MB are 3 hunks (1.6)" 3 hunks;
  Alcotest.check pairs "and the same records" records (fst (read [ bytes ]));
  let many = List.init (Hunk.max_records + 1) (fun _ -> ("", "")) in
  Alcotest.(check int) "so are many records" 2 (snd (written Codec.none many))

let random_is_stored () =
  let state = Random.State.make [| 7 |] in
  let value = String.init 10_000 (fun _ -> Char.chr (Random.State.int state 256)) in
  let bytes, _ = written Codecs.zlib [ ("k", value) ] in
  Alcotest.(check char) "codec none" '\000' bytes.[2]

let resumes () =
  let records = List.init 100 (fun n -> (string_of_int n, "v")) in
  let bytes, _ = written ~target:64 Codecs.zlib records in
  List.iter
    (fun skip ->
      let found, result = read ~skip [ bytes ] in
      Alcotest.check pairs "from the record after (3.2)" (List.filteri (fun n _ -> n >= skip) records) found;
      Alcotest.(check bool) "ok" true (result = Ok ()))
    [ 0; 1; 50; 99; 100 ];
  let reader = Hunk.reader ~skip:103 ~codecs:Codecs.all "u" in
  ignore (collect reader [ bytes ]);
  Alcotest.(check int) "a shorter replica shows" 3 (Hunk.left_to_skip reader)

let header_limits () =
  let header ~raw ~stored ~records =
    let h = Bytes.make Hunk.header_bytes '\000' in
    Bytes.set_uint8 h 0 0xD1;
    Bytes.set_uint8 h 1 1;
    List.iter (fun (at, n) -> Bytes.set_int32_le h at (Int32.of_int n)) [ (4, raw); (8, stored); (12, records) ];
    Bytes.to_string h
  in
  let awaits h =
    let reader = Hunk.reader ~codecs:Codecs.all "u" in
    Hunk.feed reader (Bytes.of_string h) 0 (String.length h);
    Hunk.next reader = `Await
  in
  let max = Hunk.max_raw_bytes in
  Alcotest.(check bool) "raw at the limit" true (awaits (header ~raw:max ~stored:10 ~records:1));
  Alcotest.(check bool) "raw over it" false (awaits (header ~raw:(max + 1) ~stored:10 ~records:1));
  let stored = 100 + Hunk.max_growth_bytes in
  Alcotest.(check bool) "stored at the limit" true (awaits (header ~raw:100 ~stored ~records:1));
  Alcotest.(check bool) "stored over it" false (awaits (header ~raw:100 ~stored:(stored + 1) ~records:1));
  Alcotest.(check bool) "records at the limit" true (awaits (header ~raw:100 ~stored:10 ~records:100));
  Alcotest.(check bool) "records over it" false (awaits (header ~raw:100 ~stored:10 ~records:101))

let python_encodings () =
  let bytes, _ = written Codec.none [ ("k", "v") ] in
  let pickled = Bytes.of_string bytes in
  Bytes.set_uint8 pickled 1 0;
  match read [ Bytes.to_string pickled ] with
  | _, Error failure -> Alcotest.(check bool) "pickle is named (2.2)" true (contains (text failure) "pickle")
  | _ -> Alcotest.fail "taken"

let records_of = QCheck.(small_list (pair string string))

let mutated =
  QCheck.map
    (fun (records, codec, at, byte) ->
      let codecs = [| Codec.none; Codecs.zlib; Disco_zstd.codec |] in
      let bytes = Bytes.of_string (fst (written ~target:100 codecs.(codec mod 3) (("k", "v") :: records))) in
      Bytes.set bytes (at mod Bytes.length bytes) byte;
      Bytes.to_string bytes)
    QCheck.(quad records_of small_nat small_nat char)

(* Whatever is read, it ends in records or an error; and it does so however it is cut. *)
let judged_alike s =
  let judge pieces =
    let found, result = read pieces in
    (found, Result.is_ok result)
  in
  judge [ s ] = judge (in_sevens s)

let codecs_bear_garbage (stored, raw_len) =
  List.for_all
    (fun codec -> match codec.Codec.decompress stored raw_len with Ok s -> String.length s = raw_len | Error _ -> true)
    Codecs.all

let gunzip () =
  let gz = "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03name\x00\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00" in
  Alcotest.(check (result string string)) "with a name" (Ok "hello\n") (Codecs.gunzip ~max_bytes:6 gz);
  Alcotest.(check (result string string)) "two members" (Ok "hello\nhello\n") (Codecs.gunzip ~max_bytes:12 (gz ^ gz));
  let refused s max_bytes = Result.is_error (Codecs.gunzip ~max_bytes s) in
  Alcotest.(check bool) "over the limit" true (refused gz 5);
  for size = 0 to String.length gz - 1 do
    Alcotest.(check bool) "cut" true (refused (String.sub gz 0 size) 100)
  done

(* ---- lines and indexes *)

let lines_of pieces =
  let splitter = Line.create () and found = ref [] in
  let add line =
    found := line :: !found;
    Ok ()
  in
  List.iter (fun p -> Result.get_ok (Line.feed splitter (Bytes.of_string p) 0 (String.length p) add)) pieces;
  Result.get_ok (Line.finish splitter add);
  List.rev !found

let lines () =
  let check = Alcotest.(check (list string)) in
  check "three" [ "a"; ""; "b\r" ] (lines_of [ "a\n\nb\r\n" ]);
  check "no last line feed" [ "ab"; "c" ] (lines_of [ "a"; "b\nc" ]);
  check "nothing" [] (lines_of [ ""; "" ])

let lines_of_any s = lines_of [ s ] = lines_of (byte_by_byte s)

let index () =
  let parsed = Result.get_ok (Index.parse ~url:"u" "0 disco://a\n1 disco://b c\n1 disco://d\n") in
  Alcotest.(check (list string)) "one label" [ "disco://b c"; "disco://d" ] (Index.urls ~label:1 parsed);
  Alcotest.(check int) "all" 3 (List.length (Index.urls parsed));
  List.iter
    (fun bad -> Alcotest.(check bool) bad true (Result.is_error (Index.parse ~url:"u" bad)))
    [ "x disco://a"; "0"; "-1 disco://a"; "0x1 u"; "0 " ]

let property ?(count = 1000) name arbitrary law =
  Alcotest.test_case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count arbitrary law))

let () =
  let vector run name = Alcotest.test_case name `Quick (run name) in
  let case = Alcotest.test_case in
  Alcotest.run "records"
    [
      ("valid vectors", List.map (vector valid) (Vectors.names "records/valid"));
      ("invalid vectors", List.map (vector invalid) (Vectors.names "records/invalid"));
      ( "hunks",
        [
          case "are cut by size and number" `Quick hunks_are_cut;
          case "that do not shrink are stored" `Quick random_is_stored;
          case "are read on" `Quick resumes;
          case "limits of the header" `Quick header_limits;
          case "encodings of Python" `Quick python_encodings;
        ] );
      ( "properties",
        [
          property "none: there and back" records_of (there_and_back Codec.none);
          property "zlib: there and back" records_of (there_and_back Codecs.zlib);
          property "zstd: there and back" records_of (there_and_back Disco_zstd.codec);
          property ~count:3000 "mutated streams" mutated judged_alike;
          property "any bytes" QCheck.string judged_alike;
          property "codecs bear garbage" QCheck.(pair string small_nat) codecs_bear_garbage;
          property "lines in any pieces" QCheck.string lines_of_any;
        ] );
      ( "texts",
        [ case "gzip" `Quick gunzip; case "lines" `Quick lines; case "indexes" `Quick index ] );
    ]
