(* The life of a worker, played by the fake Disco with real processes: endings, prints, reuse, and a Disco that errs. *)
open Disco
open Disco_unix
open Disco_testing

let ( let* ) = Result.bind

let run ?answer ?timeout_s ?data program tasks =
  Scratch.with_folder (fun folder ->
    match Fake_disco.run ?answer ?timeout_s ?data ~folder (Fake_disco.Program program) tasks with
    | Ok found -> found
    | Error reason -> Alcotest.fail reason)

let one ?answer ?timeout_s ?data program =
  match run ?answer ?timeout_s ?data program [ Fake_disco.task [] ] with
  | [ report ], status -> (report, status)
  | reports, _ -> Alcotest.failf "%d reports" (List.length reports)

let contains text part =
  let size = String.length part in
  let rec at n = n + size <= String.length text && (String.sub text n size = part || at (n + 1)) in
  at 0

let exited = function Unix.WEXITED n -> n | Unix.WSIGNALED _ | Unix.WSTOPPED _ -> -1
let check_exit name wanted status = Alcotest.(check int) name wanted (exited status)

let good () =
  let report, status = one (fun _ -> Ok ()) in
  Alcotest.(check bool) "DONE" true (report.Fake_disco.ending = Fake_disco.Done);
  check_exit "exit 0 (10.3)" 0 status

let gives_up failure wanted () =
  let report, status = one (fun _ -> Error failure) in
  (match (wanted, report.Fake_disco.ending) with
   | `Error, Fake_disco.Gave_up text | `Fatal, Fake_disco.Stopped text ->
     Alcotest.(check bool) "says why (10.5)" true (contains text "because é")
   | _ -> Alcotest.fail "another ending");
  check_exit "exit 1 (10.6)" 1 status

let trapped raise_it () =
  let report, status = one (fun _ -> raise_it ()) in
  (match report.Fake_disco.ending with
   | Fake_disco.Gave_up _ -> ()
   | _ -> Alcotest.fail "a failure inside the task is told (11.5)");
  check_exit "exit" 1 status

let rec deep n = if n = 0 then 0 else 1 + deep (n - 1)

let prints () =
  let report, _ =
    one (fun task ->
      print_endline "one";
      prerr_string "two\nDONE 2 \"\"\n";
      let* () = Task.say task "said" in
      print_string "unfinished \xFF";
      Ok ())
  in
  Alcotest.(check (list string)) "in order, and repaired (1.5)"
    [ "one"; "two"; "DONE 2 \"\""; "said"; "unfinished \xEF\xBF\xBD" ]
    report.Fake_disco.messages

let many_prints () =
  let report, status =
    one (fun _ ->
      for n = 1 to 100_000 do
        Printf.printf "line %d of many\n" n
      done;
      Ok ())
  in
  check_exit "printing does not stop it" 0 status;
  let messages = report.Fake_disco.messages in
  Alcotest.(check int) "the newest are told" (Standard.max_captured_lines + 1) (List.length messages);
  Alcotest.(check string) "to the last" "line 100000 of many" (List.nth messages Standard.max_captured_lines)

let children () =
  let report, _ = one (fun _ -> if Unix.system "cat; echo child" = Unix.WEXITED 0 then Ok () else assert false) in
  Alcotest.(check (list string)) "a child prints and eats nothing (1.4)" [ "child" ] report.Fake_disco.messages

let prints_before_failing () =
  let report, _ =
    one (fun _ ->
      print_endline "last words";
      failwith "oh")
  in
  Alcotest.(check (list string)) "are told" [ "last words" ] report.Fake_disco.messages

let reuse () =
  let tasks = List.init 3 (fun taskid -> Fake_disco.task ~taskid []) in
  let program task =
    let* () = Task.say task (Printf.sprintf "%d in %d" (Task.info task).Message.taskid (Unix.getpid ())) in
    let* output = Output.create task Message.Disco_file in
    Output.close output
  in
  let reports, status = run program tasks in
  check_exit "exit 0 (12.3)" 0 status;
  let said = List.concat_map (fun r -> r.Fake_disco.messages) reports in
  let pids = List.map (fun line -> List.nth (String.split_on_char ' ' line) 2) said in
  Alcotest.(check int) "three tasks" 3 (List.length said);
  Alcotest.(check int) "in one process (12.2)" 1 (List.length (List.sort_uniq compare pids));
  let places = List.concat_map (fun r -> List.map (fun o -> o.Fake_disco.location) r.Fake_disco.outputs) reports in
  Alcotest.(check int) "with files of their own (8.8)" 3 (List.length (List.sort_uniq compare places))

let heartbeat () =
  let report, _ =
    one (fun task ->
      for _ = 1 to 1000 do
        ignore (Task.heartbeat task)
      done;
      let* () = Task.say task "now" in
      for _ = 1 to 1000 do
        ignore (Task.heartbeat ~every_s:0.0 task)
      done;
      Task.ping task)
  in
  let pings = report.Fake_disco.pings in
  Alcotest.(check bool) "only when it is time" true (pings > 1 && pings < 1000)

let jobfile () =
  let report, _ =
    one ~data:"\x00free" (fun task ->
      let* dict = Task.jobdict task in
      let* data = Task.jobdata task in
      Task.say task (Json.encode (List.assoc "prefix" dict) ^ Errors.quoted data))
  in
  Alcotest.(check (list string)) "dictionary and data" [ "\"test\"\"\\x00free\"" ] report.Fake_disco.messages

(* ---- a Disco that errs *)

let answer_to name what request =
  if Message.name (Message.Request request) = name then Some what else None

let erring name what expected () =
  let program task =
    let* () = Input.each task (fun _ -> Ok ()) in
    let* output = Output.create task Message.Disco_file in
    Output.close output
  in
  let reports, status = run ~answer:(answer_to name what) program [ Fake_disco.task [] ] in
  check_exit "exit 1" 1 status;
  let ending = match reports with [ r ] -> r.Fake_disco.ending | _ -> Fake_disco.Silent in
  match (expected, ending) with
  | `Error, Fake_disco.Gave_up _ | `Fatal, Fake_disco.Stopped _ | `Silent, Fake_disco.Silent -> ()
  | `Fatal, _ when name = "WORKER" || name = "TASK" -> ()
  | _ -> Alcotest.fail "another ending"

let garbage = Fake_disco.Raw "Internal Server Error\n"
let wait = Fake_disco.Say (Message.Wait 1)

let erring_cases =
  let case title name what expected = Alcotest.test_case title `Quick (erring name what expected) in
  [
    case "no frame to INPUT (2.11)" "INPUT" garbage `Error;
    case "no frame to OUTPUT" "OUTPUT" garbage `Error;
    case "an unknown message (2.15)" "INPUT" (Fake_disco.Raw "HELLO 2 \"\"\n") `Fatal;
    case "bad JSON" "INPUT" (Fake_disco.Raw "INPUT 4 [1,]\n") `Fatal;
    case "a wrong shape" "INPUT" (Fake_disco.Raw "INPUT 4 \"no\"\n") `Fatal;
    case "a message that answers nothing" "OUTPUT" (Fake_disco.Raw "WAIT 1 1\n") `Fatal;
    case "WORKER refused (4.5)" "WORKER" (Fake_disco.Raw "FAIL 2 \"\"\n") `Fatal;
    case "half a TASK (4.10)" "TASK" (Fake_disco.Raw "TASK 2 {}\n") `Fatal;
    case "the end at INPUT (3.8)" "INPUT" Fake_disco.Hang_up `Silent;
    case "the end at DONE" "DONE" Fake_disco.Hang_up `Silent;
    case "no frame to DONE" "DONE" garbage `Silent;
  ]

let impatient () =
  Scratch.with_folder (fun _ ->
    let their_requests, requests = Unix.pipe () and replies, their_replies = Unix.pipe () in
    let started = Unix.gettimeofday () in
    let status = Worker.serve ~timeout_s:0.3 ~requests ~replies (fun _ -> Ok ()) in
    let took = Unix.gettimeofday () -. started in
    List.iter Unix.close [ their_requests; requests; replies; their_replies ];
    Alcotest.(check int) "gives up (11.1)" 1 status;
    Alcotest.(check bool) "after the time" true (took >= 0.3 && took < 5.0))

let unread () =
  let their_requests, requests = Unix.pipe () and replies, their_replies = Unix.pipe () in
  Unix.close their_requests;
  let status = Worker.serve ~requests ~replies (fun _ -> Ok ()) in
  List.iter Unix.close [ requests; replies; their_replies ];
  Alcotest.(check int) "nobody reads (11.3)" 1 status

(* Looks where it is, then leaves something else behind; and a task that finds it. *)
let surroundings () =
  let here = Sys.getcwd () and mask = Unix.umask 0 in
  ignore (Unix.umask mask);
  Unix.putenv "DISCO_TEST_KEPT" "kept";
  let kept = Result.get_ok (Surroundings.keep ()) in
  Unix.putenv "DISCO_TEST_KEPT" "changed";
  Unix.putenv "DISCO_TEST_NEW" "x=y";
  ignore (Unix.umask 0o123);
  Sys.set_signal Sys.sigusr1 Sys.Signal_ignore;
  Sys.chdir "/";
  Alcotest.(check bool) "set right" true (Surroundings.restore kept = Ok ());
  Alcotest.(check (list (option string))) "environment" [ Some "kept"; None ]
    (List.map Sys.getenv_opt [ "DISCO_TEST_KEPT"; "DISCO_TEST_NEW" ]);
  Alcotest.(check string) "working directory" here (Sys.getcwd ());
  Alcotest.(check int) "umask" mask (Unix.umask mask);
  Alcotest.(check bool) "signals" true (Sys.signal Sys.sigusr1 Sys.Signal_default = Sys.Signal_default)

let () =
  let case = Alcotest.test_case in
  Alcotest.run "worker"
    [
      ( "endings",
        [
          case "a good task" `Quick good;
          case "Transient is ERROR" `Quick (gives_up (Errors.Transient "because é") `Error);
          case "Fatal is FATAL" `Quick (gives_up (Errors.Fatal "because é") `Fatal);
          case "Bad_input that is left is ERROR" `Quick
            (gives_up (Errors.Bad_input { url = "u"; reason = "because é" }) `Error);
          case "an exception" `Quick (trapped (fun () -> raise Not_found));
          case "no stack" `Quick (trapped (fun () -> if deep 1_000_000_000 > 0 then Ok () else Ok ()));
        ] );
      ( "prints",
        [
          case "become messages" `Quick prints;
          case "more than a pipe holds" `Quick many_prints;
          case "of a child" `Quick children;
          case "of a task that fails" `Quick prints_before_failing;
        ] );
      ( "tasks",
        [
          case "one after the other" `Quick reuse;
          case "heartbeats" `Quick heartbeat;
          case "the job file" `Quick jobfile;
          case "what one leaves is set right" `Quick surroundings;
        ] );
      ("a Disco that errs", erring_cases);
      ("pipes", [ case "a silent Disco" `Quick impatient; case "a deaf one" `Quick unread ]);
    ]
