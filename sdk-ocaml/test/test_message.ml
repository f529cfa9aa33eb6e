(* Messages: the shared vectors of both ends, and that every message survives its frame. *)
open Disco

let frame_of one =
  let bytes =
    match Yojson.Basic.Util.member "frame_base64" one with
    | `String coded -> Vectors.base64 coded
    | _ -> Vectors.(text (member "frame" one))
  in
  let reader = Frame.reader () in
  Frame.feed reader (Bytes.of_string bytes) 0 (String.length bytes);
  match Frame.next reader with `Frame frame -> frame | _ -> Alcotest.failf "no frame: %S" bytes

let sender one =
  match Vectors.(text (member "from" one)) with
  | "worker" -> Message.Worker
  | "disco" -> Message.Disco
  | other -> Alcotest.failf "from %s?" other

let text error = Format.asprintf "%a" Errors.pp_protocol error

let valid name () =
  let one = Vectors.json ("messages/valid/" ^ name ^ ".json") in
  match Parse.message (sender one) (frame_of one) with
  | Error error -> Alcotest.fail (text error)
  | Ok message ->
    let wanted = Yojson.Basic.sort (Vectors.member "payload" one) in
    Alcotest.(check string) name
      (Yojson.Basic.to_string wanted)
      (Yojson.Basic.to_string (Yojson.Basic.sort (Message.payload message)));
    let again = Parse.message (sender one) (Message.to_frame message) in
    Alcotest.(check bool) "its own frame means the same" true (again = Ok message)

let contains text part =
  let size = String.length part in
  let rec at n = n + size <= String.length text && (String.sub text n size = part || at (n + 1)) in
  at 0

let invalid name () =
  let one = Vectors.json ("messages/invalid/" ^ name ^ ".json") in
  let frame = frame_of one in
  match Parse.message (sender one) frame with
  | Ok _ -> Alcotest.failf "taken: %s" (Errors.quoted frame.Frame.payload)
  | Error error ->
    Alcotest.(check bool) "the frame is named" true (contains (text error) frame.Frame.name)

let both_versions () =
  let one = Vectors.json "messages/invalid/worker-version-unknown.json" in
  match Parse.message Message.Worker (frame_of one) with
  | Error (Errors.Version_mismatch { theirs; ours }) ->
    Alcotest.(check (pair string string)) "both are named (4.6)" ("1.1", "1.0") (theirs, ours)
  | _ -> Alcotest.fail "not a version mismatch"

let errors_are_bounded () =
  let frame = { Frame.name = "WAIT"; payload = "\"" ^ String.make 1_000_000 'x' ^ "\"" } in
  match Parse.message Message.Disco frame with
  | Error error -> Alcotest.(check bool) "short" true (String.length (text error) < 1000)
  | Ok _ -> Alcotest.fail "taken"

let location_limit () =
  let taken size =
    let frame = Message.(to_frame (Request (Output { location = String.make size 'x'; kind = Disco_file }))) in
    Result.is_ok (Parse.message Message.Worker frame)
  in
  Alcotest.(check bool) "at the limit" true (taken Message.max_location_bytes);
  Alcotest.(check bool) "over it" false (taken (Message.max_location_bytes + 1))

let arbitrary_text = QCheck.map Utf8.repair QCheck.string

let arbitrary_request =
  let open QCheck in
  let ids = small_list small_nat in
  let location = map (fun n -> Printf.sprintf "out/%d" n) small_nat in
  let kind = oneof [ always Message.Disco_file; always Message.Tag; map (fun n -> Message.Part n) small_nat ] in
  oneof
    [
      map (fun (pid, reuse) -> Message.Hello { version = Message.version; pid = pid + 1; reuse }) (pair small_nat bool);
      always Message.Get_task;
      always (Message.Get_inputs Message.All);
      map (fun ids -> Message.Get_inputs (Message.Exclude ids)) ids;
      map (fun ids -> Message.Get_inputs (Message.Include ids)) ids;
      map (fun (input_id, replica_ids) -> Message.Input_err { input_id; replica_ids }) (pair small_nat ids);
      map (fun s -> Message.Msg s) arbitrary_text;
      map (fun (location, kind) -> Message.Output { location; kind }) (pair location kind);
      always Message.Ping;
      always Message.Done;
      map (fun s -> Message.Error s) arbitrary_text;
      map (fun s -> Message.Fatal s) arbitrary_text;
    ]

let survives request =
  let message = Message.Request request in
  Parse.message Message.Worker (Message.to_frame message) = Ok message

(* Whatever a payload is, it is a message or an error, for every name. *)
let never_raises (name, payload) =
  let names = [| "WORKER"; "TASK"; "INPUT"; "INPUT_ERR"; "MSG"; "OUTPUT"; "OK"; "RETRY"; "WAIT"; "FAIL" |] in
  let frame = { Frame.name = names.(name mod Array.length names); payload } in
  List.for_all
    (fun sender -> match Parse.message sender frame with Ok _ | Error _ -> true)
    [ Message.Worker; Message.Disco ]

(* Payloads that are nearly right: one byte of a good one is another. *)
let mutated =
  QCheck.map
    (fun (request, at, byte) ->
      let { Frame.name = _; payload } = Message.to_frame (Message.Request request) in
      let bytes = Bytes.of_string payload in
      Bytes.set bytes (at mod Bytes.length bytes) byte;
      Bytes.to_string bytes)
    QCheck.(triple arbitrary_request small_nat char)

let property name arbitrary law =
  Alcotest.test_case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count:3000 arbitrary law))

let () =
  let vector run name = Alcotest.test_case name `Quick (run name) in
  Alcotest.run "message"
    [
      ("valid vectors", List.map (vector valid) (Vectors.names "messages/valid"));
      ("invalid vectors", List.map (vector invalid) (Vectors.names "messages/invalid"));
      ( "errors",
        [
          Alcotest.test_case "an unknown version names both" `Quick both_versions;
          Alcotest.test_case "the length of a location" `Quick location_limit;
          Alcotest.test_case "an error text is bounded" `Quick errors_are_bounded;
        ] );
      ( "properties",
        [
          property "a request survives its frame" arbitrary_request survives;
          property "any payload is judged" QCheck.(pair small_nat string) never_raises;
          property "mutated payloads are judged" QCheck.(pair small_nat mutated) never_raises;
        ] );
    ]
