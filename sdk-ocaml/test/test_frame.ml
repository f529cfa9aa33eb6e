(* Frames: the shared vectors in every cut, the limit on both sides, and mutations. *)
open Disco

(* All that a stream gives: its frames, and how it ended. *)
let read_all pieces =
  let reader = Frame.reader () in
  let rec take found =
    match Frame.next reader with
    | `Frame frame -> take (frame :: found)
    | `Await -> (found, None)
    | `Error error -> (found, Some error)
  in
  let feed (found, failure) piece =
    Frame.feed reader (Bytes.of_string piece) 0 (String.length piece);
    if failure = None then take found else (found, failure)
  in
  let found, failure = List.fold_left feed ([], None) pieces in
  let failure =
    match (failure, Frame.finish reader) with Some e, _ -> Some e | None, Error e -> Some e | None, Ok () -> None
  in
  (List.rev found, failure)

let byte_by_byte s = List.init (String.length s) (fun n -> String.make 1 s.[n])
let in_two s at = [ String.sub s 0 at; String.sub s at (String.length s - at) ]

let fault = function
  | Some (Errors.Not_a_frame { fault; _ }) -> Errors.fault_name fault
  | Some _ -> "?"
  | None -> "none"

let frame = Alcotest.testable (fun ppf { Frame.name; payload } -> Fmt.pf ppf "%s %S" name payload) ( = )

let expected name =
  List.map
    (fun one -> { Frame.name = Vectors.(text (member "name" one)); payload = Vectors.(text (member "payload" one)) })
    (Yojson.Basic.Util.to_list (Vectors.json ("frames/valid/" ^ name ^ ".json")))

let cuts s = [ s ] :: byte_by_byte s :: List.init (min 200 (String.length s)) (in_two s)

let valid name () =
  let bytes = Vectors.read ("frames/valid/" ^ name ^ ".bin") in
  let wanted = expected name in
  List.iter
    (fun pieces ->
      let found, failure = read_all pieces in
      Alcotest.(check string) "no fault" "none" (fault failure);
      Alcotest.(check (list frame)) name wanted found)
    (cuts bytes);
  let found, failure = read_all [ bytes ^ "O" ] in
  Alcotest.(check (list frame)) "with a tail" wanted found;
  Alcotest.(check string) "which is unfinished" "truncated" (fault failure)

let invalid name () =
  let bytes = Vectors.read ("frames/invalid/" ^ name ^ ".bin") in
  let wanted = Vectors.(text (member "fault" (json ("frames/invalid/" ^ name ^ ".json")))) in
  List.iter
    (fun pieces -> Alcotest.(check string) name wanted (fault (snd (read_all pieces))))
    (cuts bytes)

let encoded frame = Result.get_ok (Frame.encode frame)

let limit () =
  let at = { Frame.name = "MSG"; payload = String.make Frame.max_payload_bytes 'x' } in
  let found, failure = read_all [ encoded at ] in
  Alcotest.(check string) "100 MiB are taken" "none" (fault failure);
  Alcotest.(check int) "whole" Frame.max_payload_bytes (String.length (List.hd found).Frame.payload);
  let over = { at with payload = at.payload ^ "x" } in
  Alcotest.(check bool) "a byte more is not written" true (Result.is_error (Frame.encode over));
  let header = Printf.sprintf "MSG %d " (Frame.max_payload_bytes + 1) in
  Alcotest.(check string) "nor read" "payload-too-large" (fault (snd (read_all [ header ])))

let names () =
  let ok name = Result.is_ok (Frame.encode { Frame.name; payload = "" }) in
  Alcotest.(check (list bool)) "names" [ true; true; false; false; false ]
    (List.map ok [ "A"; "ABCDEFGHI_"; ""; "ABCDEFGHIJK"; "Ab" ])

let last_words () =
  let reader = Frame.reader () in
  let feed s = Frame.feed reader (Bytes.of_string s) 0 (String.length s) in
  feed "OK 4 \"ok\"\nTraceback";
  ignore (Frame.next reader);
  (match Frame.next reader with `Error _ -> () | _ -> Alcotest.fail "no fault");
  feed " of much";
  Alcotest.(check string) "kept" "Traceback of much" (Frame.last_words reader);
  feed (String.make (2 * Frame.max_last_words_bytes) 'x');
  Alcotest.(check int) "to a limit" Frame.max_last_words_bytes (String.length (Frame.last_words reader))

let large_in_small_pieces () =
  let payload = String.make (4 * 1024 * 1024) 'y' in
  let bytes = encoded { Frame.name = "MSG"; payload } in
  let size = 1000 in
  let count = (String.length bytes + size - 1) / size in
  let piece n = String.sub bytes (n * size) (min size (String.length bytes - (n * size))) in
  let started = Sys.time () in
  let found, _ = read_all (List.init count piece) in
  Alcotest.(check int) "whole" (String.length payload) (String.length (List.hd found).Frame.payload);
  (* Quadratic work would take 4,000 x 4 MiB. *)
  Alcotest.(check bool) "in linear time" true (Sys.time () -. started < 2.0)

let arbitrary_frame =
  QCheck.map
    (fun (letters, payload) ->
      let name = String.concat "" (List.map (fun n -> String.make 1 (Char.chr (65 + (n mod 26)))) letters) in
      { Frame.name = (if name = "" then "_" else String.sub name 0 (min 10 (String.length name))); payload })
    QCheck.(pair (small_list small_nat) string)

let rec pieces_of s = function
  | [] -> [ s ]
  | n :: rest ->
    let n = min n (String.length s) in
    String.sub s 0 n :: pieces_of (String.sub s n (String.length s - n)) rest

let there_and_back (frames, sizes) =
  let bytes = String.concat "" (List.map encoded frames) in
  read_all (pieces_of bytes sizes) = (frames, None)

(* The same bytes give the same frames and the same fault, however they are cut, whatever they are. *)
let cuts_do_not_matter (frames, (at, byte), sizes) =
  let bytes = Bytes.of_string (String.concat "" (List.map encoded frames) ^ "OK 2 \"\"\n") in
  Bytes.set bytes (at mod Bytes.length bytes) byte;
  let s = Bytes.to_string bytes in
  let judged pieces =
    let found, failure = read_all pieces in
    (found, fault failure)
  in
  judged [ s ] = judged (byte_by_byte s) && judged [ s ] = judged (pieces_of s sizes)

let property name arbitrary law =
  Alcotest.test_case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count:2000 arbitrary law))

let () =
  let vector kind run name = Alcotest.test_case (kind ^ " " ^ name) `Quick (run name) in
  Alcotest.run "frame"
    [
      ("valid vectors", List.map (vector "valid" valid) (Vectors.names "frames/valid"));
      ("invalid vectors", List.map (vector "invalid" invalid) (Vectors.names "frames/invalid"));
      ( "limits",
        [
          Alcotest.test_case "the payload (2.7)" `Quick limit;
          Alcotest.test_case "names (2.2)" `Quick names;
          Alcotest.test_case "last words" `Quick last_words;
          Alcotest.test_case "small pieces of a large frame" `Quick large_in_small_pieces;
        ] );
      ( "properties",
        [
          property "there and back"
            QCheck.(pair (small_list arbitrary_frame) (small_list small_nat))
            there_and_back;
          property "mutations: cuts do not matter"
            QCheck.(triple (small_list arbitrary_frame) (pair small_nat char) (small_list small_nat))
            cuts_do_not_matter;
        ] );
    ]
