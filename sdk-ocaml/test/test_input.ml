(* Inputs: polling, replicas, resuming, schemes, outputs; real files and a real HTTP server on loopback. *)
open Disco
open Disco_unix
open Disco_testing

let ( let* ) = Result.bind

(* Echoes the bytes of all inputs into one output. *)
let echo task =
  let* output = Output.create task Message.Disco_file in
  let* () = Input.each task (fun input -> Input.bytes task input (Output.write_bytes output)) in
  Output.close output

let run ?answer folder program task =
  match Fake_disco.run ?answer ~folder (Fake_disco.Program program) [ task ] with
  | Ok ([ report ], _) -> report
  | Ok _ -> Alcotest.fail "not one report"
  | Error reason -> Alcotest.fail reason

let content folder report =
  match report.Fake_disco.outputs with
  | [ output ] -> Fake_disco.content ~folder output
  | _ -> Alcotest.failf "%d outputs" (List.length report.Fake_disco.outputs)

let echoed folder task = content folder (run folder echo task)
let check_string = Alcotest.(check string)
let in_folder f () = Scratch.with_folder f
let dead = "http://127.0.0.1:1/dead"

let raw =
  in_folder (fun folder ->
    check_string "percent-decoded (7.1)" "a b\xFF" (echoed folder Fake_disco.(task [ input [ "raw://a%20b%ff" ] ])))

let local =
  in_folder (fun folder ->
    ignore (Scratch.write folder "data/h/f" "job");
    ignore (Scratch.write folder "ddfs/vol0/f" "blob");
    let path = Scratch.write folder "any" "file" in
    let urls = [ "disco://localhost/disco/h/f"; "disco://localhost/ddfs/vol0/f"; "file://" ^ path; path ] in
    let inputs = List.map (fun url -> Fake_disco.input [ url ]) urls in
    check_string "opened directly (7.4)" "jobblobfilefile" (echoed folder (Fake_disco.task inputs)))

let not_below =
  in_folder (fun folder ->
    ignore (Scratch.write folder "secret" "s");
    let report = run folder echo Fake_disco.(task [ input [ "disco://localhost/disco/../secret" ] ]) in
    Alcotest.(check bool) "no way out of the data" true (report.Fake_disco.outputs = []))

let gzipped =
  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x33\x50\x28\x4a\x2c\xb7\xd2\xd7\x4f\xe4\x32\x84\xd0\x49\x5c\x00"

let index ~mode ~taskid = Fake_disco.(task ~mode ~taskid [ input [ "dir://localhost/disco/i" ] ])

let dir =
  in_folder (fun folder ->
    ignore (Scratch.write folder "data/i" "0 raw://a\n1 raw://b\n1 raw://c\n");
    check_string "a reduce reads its label (7.7)" "bc" (echoed folder (index ~mode:Message.Reduce ~taskid:1));
    check_string "a label without lines" "" (echoed folder (index ~mode:Message.Reduce ~taskid:7));
    check_string "a map reads all" "abc" (echoed folder (index ~mode:Message.Map ~taskid:1)))

let gzip folder text =
  let channel = Gzip.open_out (Scratch.write folder "data/whole.gz" "") in
  Gzip.output_substring channel text 0 (String.length text);
  Gzip.close_out channel

let dir_gzip =
  in_folder (fun folder ->
    gzip folder "0 raw://a\n1 raw://b\n1 raw://c\n";
    let task = Fake_disco.(task ~mode:Message.Reduce ~taskid:1 [ input [ "dir://localhost/disco/whole.gz" ] ]) in
    check_string "a reduce reads its label (7.7)" "bc" (echoed folder task))

let dir_cut =
  in_folder (fun folder ->
    ignore (Scratch.write folder "data/i.gz" gzipped);
    let report = run folder echo Fake_disco.(task [ input [ "dir://localhost/disco/i.gz" ] ]) in
    Alcotest.(check (list (pair int (list int)))) "a cut index is a bad replica" [ (0, [ 0 ]) ]
      report.Fake_disco.input_errors)

let replicas =
  in_folder (fun folder ->
    let report = run folder echo Fake_disco.(task [ input [ dead; "nonsense"; "gopher://x"; "raw://good" ] ]) in
    check_string "the next is read (6.2)" "good" (content folder report);
    Alcotest.(check int) "and none reported" 0 (List.length report.Fake_disco.input_errors))

let reactions =
  in_folder (fun folder ->
    let reactions = Fake_disco.[ Retry [ dead ]; Wait (1, [ dead ]); Retry [ "raw://made" ] ] in
    let started = Unix.gettimeofday () in
    let report = run folder echo Fake_disco.(task [ input ~reactions [ dead; dead ] ]) in
    check_string "RETRY and WAIT (6.4, 6.5)" "made" (content folder report);
    Alcotest.(check bool) "the wait is kept" true (Unix.gettimeofday () -. started >= 1.0);
    Alcotest.(check (list (pair int (list int)))) "each is reported once (6.3)"
      [ (0, [ 0; 1 ]); (0, [ 2 ]); (0, [ 3 ]) ]
      report.Fake_disco.input_errors)

let fail =
  in_folder (fun folder ->
    match (run folder echo Fake_disco.(task [ input [ dead ] ])).Fake_disco.ending with
    | Fake_disco.Gave_up text ->
      Alcotest.(check bool) "names the input (6.6)" true (String.length text > 7 && String.sub text 0 7 = "input 0")
    | _ -> Alcotest.fail "no ERROR")

let polling =
  in_folder (fun folder ->
    let inputs = Fake_disco.[ input ~busy_polls:2 [ "raw://a" ]; input [ "raw://b" ]; input [ "raw://c" ] ] in
    let report = run folder echo (Fake_disco.task ~one_by_one:true inputs) in
    let all = List.sort compare (List.init 3 (String.get (content folder report))) in
    Alcotest.(check (list char)) "each once (5.4, 5.6, 5.7)" [ 'a'; 'b'; 'c' ] all;
    Alcotest.(check bool) "paced (5.5)" true (report.Fake_disco.polls <= 6))

(* ---- over HTTP *)

let with_server answer f = Little_server.with_server answer (fun port -> Scratch.with_folder (f port))
let url port path = Printf.sprintf "http://127.0.0.1:%d/%s" port path
let big = String.init 1_000_000 (fun n -> Char.chr (97 + (n * n mod 26)))

let cut_bytes () =
  let answer _ { Little_server.target; _ } =
    if target = "/cut" then { (Little_server.ok big) with cut = 300_000 } else Little_server.ok big
  in
  with_server answer (fun port folder ->
    let task = Fake_disco.(task [ input [ url port "cut"; url port "whole" ] ]) in
    Alcotest.(check bool) "no byte counts twice (6.7, 6.8)" true (echoed folder task = big))

let statuses () =
  let answer _ { Little_server.target; _ } =
    match target with
    | "/moved" -> { (Little_server.status 302 "") with extra = [ ("Location", "/there") ] }
    | "/there" -> Little_server.ok "there"
    | _ -> Little_server.status 404 "an error page"
  in
  with_server answer (fun port folder ->
    let task = Fake_disco.(task [ input [ url port "lost"; url port "moved" ] ]) in
    check_string "404 has failed, a redirect is followed (6.10)" "there" (echoed folder task))

let disco_of_others () =
  with_server
    (fun _ { Little_server.target; _ } -> Little_server.ok target)
    (fun port folder ->
      ignore (Scratch.write folder "data/f" "local");
      let task = Fake_disco.(task [ input [ Printf.sprintf "disco://127.0.0.1:%d/disco/f" port ] ]) in
      check_string "is asked for over HTTP (7.3)" "/disco/f" (echoed folder task))

(* A value of the binding to libcurl that is freed too early ends the process when memory is collected. *)
let many_downloads () =
  with_server
    (fun _ _ -> Little_server.ok big)
    (fun port _ ->
      let piece = Bytes.create 65536 in
      let rec drain source =
        match source.Source.read piece 0 65536 with
        | Ok 0 -> ()
        | Ok _ -> drain source
        | Error reason -> Alcotest.fail reason
      in
      for n = 1 to 30 do
        let source = Result.get_ok (Http.download (url port "big")) in
        if n mod 3 > 0 then drain source;
        source.Source.close ();
        Gc.full_major ()
      done)

(* Record streams that are cut differently, the first broken off: nothing comes twice. *)
let stream target records =
  let all = Buffer.create 1000 in
  let writer = Hunk.writer ~target ~codec:Codecs.zlib (fun hunk -> Ok (Buffer.add_string all hunk)) in
  List.iter (fun (key, value) -> Result.get_ok (Hunk.add writer key value)) records;
  Result.get_ok (Hunk.flush writer);
  Buffer.contents all

let numbered = List.init 5000 (fun n -> (Printf.sprintf "%06d" n, String.make (n mod 50) 'v'))

let copy_records task =
  let* output = Output.create task Message.Disco_file in
  let writer = Output.records output in
  let* () = Input.each task (fun input -> Input.records task input (Hunk.add writer)) in
  let* () = Hunk.flush writer in
  Output.close output

let check_copied folder report =
  match report.Fake_disco.outputs with
  | [ output ] ->
    let found = Result.get_ok (Fake_disco.records ~folder output) in
    Alcotest.(check bool) "every record once (3.2)" true (found = numbered)
  | _ -> Alcotest.fail "no output"

let cut_records () =
  let cut_stream = stream 1000 numbered and whole = stream 7777 numbered in
  let answer _ { Little_server.target; _ } =
    if target = "/cut" then { (Little_server.ok cut_stream) with cut = String.length cut_stream / 3 }
    else Little_server.ok whole
  in
  with_server answer (fun port folder ->
    check_copied folder (run folder copy_records Fake_disco.(task [ input [ url port "cut"; url port "whole" ] ])))

let damaged_records =
  in_folder (fun folder ->
    let damaged = Bytes.of_string (stream 1000 numbered) in
    let at = Bytes.length damaged / 2 in
    Bytes.set_uint8 damaged at (Bytes.get_uint8 damaged at lxor 1);
    let first = Scratch.write folder "damaged" (Bytes.to_string damaged) in
    let second = Scratch.write folder "good" (stream 5000 numbered) in
    check_copied folder (run folder copy_records Fake_disco.(task [ input [ first; second ] ])))

(* The callback refuses a record of the first replica: it comes again, from the second. *)
let refused_by_the_program =
  in_folder (fun folder ->
    let refused = ref false and seen = ref [] in
    let program task =
      let* () =
        Input.each task (fun input ->
          Input.lines task input (fun line ->
            if line = "b" && not !refused then begin
              refused := true;
              Error (Errors.Bad_input { url = "?"; reason = "nonsense" })
            end
            else Ok (seen := line :: !seen)))
      in
      Task.say task (String.concat "," (List.rev !seen))
    in
    let replica = "raw://a%0Ab%0Ac" in
    let report = run folder program Fake_disco.(task [ input [ replica; replica ] ]) in
    Alcotest.(check (list string)) "lines" [ "a,b,c" ] report.Fake_disco.messages)

let remade =
  in_folder (fun folder ->
    let first = Scratch.write folder "damaged" (stream 1000 numbered ^ "garbage") in
    let task = Fake_disco.(task [ input ~reactions:[ Wait (1, [ first ]) ] [ first ] ]) in
    match (run folder copy_records task).Fake_disco.ending with
    | Fake_disco.Gave_up _ -> ()
    | _ -> Alcotest.fail "an input that was made again may have another order")

(* ---- outputs *)

let descriptors () = Array.length (Sys.readdir "/proc/self/fd")

let many_labels =
  in_folder (fun folder ->
    let labels = 100 in
    let program task =
      let before = descriptors () in
      let rec open_all n found =
        if n = labels then Ok found
        else
          let* output = Output.create task (Message.Part n) in
          (* More than is kept in memory, so that it was really written. *)
          let* () = Output.write output (String.make 300_000 'x') in
          open_all (n + 1) (output :: found)
      in
      let* outputs = open_all 0 [] in
      let* () = Task.say task (string_of_int (descriptors () - before)) in
      List.fold_left
        (fun result output ->
          let* () = result in
          Output.close output)
        (Ok ()) outputs
    in
    let report = run folder program (Fake_disco.task []) in
    Alcotest.(check int) "all labels" labels (List.length report.Fake_disco.outputs);
    Alcotest.(check (list string)) "without descriptors" [ "0" ] report.Fake_disco.messages)

let unwritable =
  in_folder (fun folder ->
    let program task =
      let* output = Output.create task Message.Disco_file in
      Unix.rename (Task.folder task) "moved";
      let* () = Output.write output "x" in
      Output.close output
    in
    match (run folder program (Fake_disco.task [])).Fake_disco.ending with
    | Fake_disco.Gave_up _ -> ()
    | _ -> Alcotest.fail "a write that fails ends in ERROR (11.4)")

let () =
  let case = Alcotest.test_case in
  Alcotest.run "input"
    [
      ( "schemes",
        [
          case "raw" `Quick raw;
          case "local files" `Quick local;
          case "paths with .." `Quick not_below;
          case "dir" `Quick dir;
          case "dir, gzip" `Quick dir_gzip;
          case "dir, cut off" `Quick dir_cut;
          case "disco of another host" `Quick disco_of_others;
          case "HTTP statuses" `Quick statuses;
          case "many downloads" `Quick many_downloads;
        ] );
      ( "replicas",
        [
          case "in order" `Quick replicas;
          case "RETRY, WAIT" `Quick reactions;
          case "FAIL" `Quick fail;
          case "a body that is cut" `Quick cut_bytes;
          case "a record stream that is cut" `Quick cut_records;
          case "a record stream that is damaged" `Quick damaged_records;
          case "refused by the program" `Quick refused_by_the_program;
          case "made again half way" `Quick remade;
        ] );
      ("polling", [ case "more and busy" `Quick polling ]);
      ("outputs", [ case "many labels" `Quick many_labels; case "that cannot be written" `Quick unwritable ]);
    ]
