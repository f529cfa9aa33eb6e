(* Sessions: the table at both ends, byte by byte; what is wrong, and what can still be said then. *)
open Disco

let task_info =
  {
    Message.host = "localhost";
    master = "http://localhost:8989";
    jobname = "echo";
    taskid = 0;
    mode = Message.Map;
    disco_port = 8989;
    put_port = 8990;
    disco_data = "/d";
    ddfs_data = "/f";
    jobfile = "/j";
  }

let hello reuse = Message.Hello { version = Message.version; pid = 1; reuse }
let no_inputs = Message.Inputs { more = false; inputs = [] }
let some = [ { Message.replica_id = 1; url = "raw://a" } ]

let conversation =
  [
    (hello true, Message.Ok);
    (Message.Get_task, Message.Task task_info);
    (Message.Get_inputs Message.All, no_inputs);
    (Message.Input_err { input_id = 0; replica_ids = [ 0 ] }, Message.Retry some);
    (Message.Input_err { input_id = 0; replica_ids = [ 1 ] }, Message.Wait 1);
    (Message.Input_err { input_id = 0; replica_ids = [ 2 ] }, Message.Fail);
    (Message.Msg "a — b", Message.Ok);
    (Message.Ping, Message.Ok);
    (Message.Output { location = "o"; kind = Message.Part 2 }, Message.Ok);
    (Message.Done, Message.Task task_info);
    (Message.Get_inputs (Message.Exclude [ 0 ]), no_inputs);
    (Message.Done, Message.Ok);
  ]

let text error = Format.asprintf "%a" Errors.pp_protocol error
let sent session message = match Session.send session message with Ok bytes -> bytes | Error e -> Alcotest.fail (text e)

let feed session piece = Session.receive session (Bytes.of_string piece) 0 (String.length piece)

(* The one message in [bytes], which come in the pieces that [cut] makes of them. *)
let received cut session bytes =
  let pieces = cut bytes in
  let last = List.length pieces - 1 in
  List.iteri
    (fun n piece ->
      feed session piece;
      if n < last then
        match Session.next session with
        | `Await -> ()
        | _ -> Alcotest.fail "a message before its last byte")
    pieces;
  match Session.next session with
  | `Message message -> message
  | `Error error -> Alcotest.fail (text error)
  | `Await | `End -> Alcotest.fail "no message"

let whole s = [ s ]
let byte_by_byte s = List.init (String.length s) (fun n -> String.make 1 s.[n])

let plays cut () =
  let worker = Session.create Message.Worker and disco = Session.create Message.Disco in
  List.iter
    (fun (request, reply) ->
      let request = Message.Request request and reply = Message.Reply reply in
      Alcotest.(check bool) "asked" true (received cut disco (sent worker request) = request);
      Alcotest.(check int) "owed" 1 (Session.owed worker);
      Alcotest.(check bool) "answered" true (received cut worker (sent disco reply) = reply);
      Alcotest.(check bool) "both agree" true (Session.state worker = Session.state disco))
    conversation;
  Alcotest.(check bool) "ended" true (Session.ended worker && Session.ended disco)

let pipelines () =
  let worker = Session.create Message.Worker and disco = Session.create Message.Disco in
  let requests = [ hello false; Message.Get_task; Message.Ping ] in
  let bytes = String.concat "" (List.map (fun r -> sent worker (Message.Request r)) requests) in
  Alcotest.(check int) "three are owed" 3 (Session.owed worker);
  feed disco bytes;
  let rec count n = match Session.next disco with `Message _ -> count (n + 1) | _ -> n in
  Alcotest.(check int) "all are understood (2.9)" 3 (count 0);
  ignore (sent disco (Message.Reply Message.Ok));
  Alcotest.(check bool) "answers keep the order (3.3)" true
    (Result.is_error (Session.send disco (Message.Reply Message.Ok)))

let out_of_turn request before () =
  let worker = Session.create Message.Worker in
  List.iter (fun r -> ignore (sent worker (Message.Request r))) before;
  let owed = Session.owed worker in
  (match Session.send worker (Message.Request request) with
   | Error (Errors.Out_of_turn _) -> ()
   | _ -> Alcotest.fail "it was sent");
  Alcotest.(check int) "nothing has changed" owed (Session.owed worker)

let in_reply_to request bytes =
  let worker = Session.create Message.Worker in
  ignore (sent worker (Message.Request (hello false)));
  ignore (sent worker (Message.Request request));
  feed worker "OK 4 \"ok\"\n";
  ignore (Session.next worker);
  feed worker bytes;
  (worker, Session.next worker)

let bad_message () =
  match in_reply_to Message.Get_task "WAIT 1 5\n" with
  | worker, `Error (Errors.Bad_message { name; _ }) ->
    Alcotest.(check string) "the frame is named" "WAIT" name;
    ignore (sent worker (Message.Request (Message.Fatal "why")));
    feed worker "OK 4 \"ok\"\n";
    Alcotest.(check bool) "FATAL is answered (2.15)" true
      (Session.next worker = `Message (Message.Reply Message.Ok))
  | _ -> Alcotest.fail "it was taken"

(* It has begun a task all the same. *)
let bad_task_after_done () =
  let worker = Session.create Message.Worker in
  List.iter
    (fun request -> ignore (sent worker (Message.Request request)))
    [ hello true; Message.Get_task; Message.Done ];
  let fatal = Message.Request (Message.Fatal "why") in
  feed worker "OK 4 \"ok\"\n";
  ignore (Session.next worker);
  feed worker (Result.get_ok (Frame.encode (Message.to_frame (Message.Reply (Message.Task task_info)))));
  ignore (Session.next worker);
  Alcotest.(check bool) "not before" true (Result.is_error (Session.send worker fatal));
  feed worker "TASK 2 {}\n";
  Alcotest.(check bool) "bad" true (match Session.next worker with `Error _ -> true | _ -> false);
  Alcotest.(check bool) "FATAL can be said (12.6)" true (Result.is_ok (Session.send worker fatal))

let no_frame () =
  match in_reply_to Message.Get_task "Traceback\n" with
  | worker, `Error (Errors.Not_a_frame { fault = Errors.Name; _ }) -> (
    feed worker "OK 4 \"ok\"\n";
    match Session.next worker with
    | `Error (Errors.Not_a_frame _) -> ()
    | _ -> Alcotest.fail "the stream was found again")
  | _ -> Alcotest.fail "it was taken"

let task_without_reuse () =
  let disco = Session.create Message.Disco and worker = Session.create Message.Worker in
  List.iter
    (fun r -> feed disco (sent worker (Message.Request r)))
    [ hello false; Message.Get_task; Message.Done ];
  let rec drain () = match Session.next disco with `Message _ -> drain () | _ -> () in
  drain ();
  ignore (sent disco (Message.Reply Message.Ok));
  ignore (sent disco (Message.Reply (Message.Task task_info)));
  Alcotest.(check bool) "TASK after DONE needs reuse (12.5)" true
    (Result.is_error (Session.send disco (Message.Reply (Message.Task task_info))))

let ends () =
  let worker = Session.create Message.Worker in
  ignore (sent worker (Message.Request (hello false)));
  feed worker "OK 4";
  feed worker "";
  (match Session.next worker with
   | `Error (Errors.Not_a_frame { fault = Errors.Truncated; _ }) -> ()
   | _ -> Alcotest.fail "a cut frame is no end");
  let worker = Session.create Message.Worker in
  feed worker "";
  Alcotest.(check bool) "between frames" true (Session.next worker = `End)

let () =
  let case = Alcotest.test_case in
  Alcotest.run "session"
    [
      ( "a conversation",
        [
          case "whole frames" `Quick (plays whole);
          case "byte by byte (2.8)" `Quick (plays byte_by_byte);
          case "pipelined (3.4)" `Quick pipelines;
          case "the end of the input" `Quick ends;
        ] );
      ( "out of turn",
        [
          case "TASK first" `Quick (out_of_turn Message.Get_task []);
          case "WORKER twice" `Quick (out_of_turn (hello false) [ hello false ]);
          case "INPUT before TASK" `Quick (out_of_turn (Message.Get_inputs Message.All) [ hello false ]);
          case "MSG after DONE" `Quick
            (out_of_turn (Message.Msg "x") [ hello false; Message.Get_task; Message.Done ]);
          case "DONE after ERROR" `Quick (out_of_turn Message.Done [ hello false; Message.Error "x" ]);
          case "TASK without reuse" `Quick task_without_reuse;
        ] );
      ( "bad replies",
        [
          case "a bad message" `Quick bad_message;
          case "a bad TASK after DONE" `Quick bad_task_after_done;
          case "no frame" `Quick no_frame;
        ] );
    ]
