(* Whole workers out of functions: a map's partitions feed its reduces, as a master would arrange it. *)
open Disco
open Disco_unix
open Disco_testing

let words line = List.filter (fun word -> word <> "") (String.split_on_char ' ' line)

let map _task emit line =
  List.iter (fun word -> emit word "1") (words line);
  Ok ()

let reduce _task emit word counts =
  emit word (string_of_int (Mapreduce.total counts));
  Ok ()

let run ?(partitions = 1) folder program task =
  match Fake_disco.run ~partitions ~folder (Fake_disco.Program program) [ task ] with
  | Ok ([ report ], _) -> report
  | Ok _ -> Alcotest.fail "not one report"
  | Error reason -> Alcotest.fail reason

let label = function { Fake_disco.kind = Message.Part label; _ } -> label | _ -> Alcotest.fail "no part"
let input_of folder output = Fake_disco.input [ Filename.concat folder output.Fake_disco.location ]

let records folder output =
  match Fake_disco.records ~folder output with
  | Ok records -> records
  | Error failure -> Alcotest.fail (Errors.to_string failure)

(* The results of all reduces over what the map wrote. *)
let phases ?combine ?memory_bytes ~partitions folder texts =
  let program = Mapreduce.(program ~map:(Lines map) ~reduce ?combine ?memory_bytes ()) in
  let inputs = List.map (fun text -> Fake_disco.input [ "raw://" ^ Url.encode text ]) texts in
  let mapped = (run ~partitions folder program (Fake_disco.task inputs)).Fake_disco.outputs in
  List.iter
    (fun output ->
      List.iter
        (fun (key, _) -> Alcotest.(check int) key (Partition.partition key partitions) (label output))
        (records folder output))
    mapped;
  let results =
    List.concat_map
      (fun output ->
        let task = Fake_disco.task ~mode:Message.Reduce ~taskid:(label output) [ input_of folder output ] in
        List.concat_map (records folder) (run folder program task).Fake_disco.outputs)
      mapped
  in
  (List.length mapped, List.sort compare results)

let texts = [ "the cat sat\non the mat"; "the hat" ]
let counted = [ ("cat", "1"); ("hat", "1"); ("mat", "1"); ("on", "1"); ("sat", "1"); ("the", "3") ]
let check_counts = Alcotest.(check (list (pair string string)))

let plain partitions () =
  Scratch.with_folder (fun folder ->
    let labels, results = phases ~partitions folder texts in
    Alcotest.(check bool) "labels" true (labels <= partitions);
    check_counts "counts" counted results)

let combined () =
  Scratch.with_folder (fun folder ->
    check_counts "the same counts" counted (snd (phases ~combine:Mapreduce.sum ~partitions:3 folder texts)));
  Scratch.with_folder (fun folder ->
    check_counts "with little memory" counted
      (snd (phases ~combine:Mapreduce.sum ~memory_bytes:200 ~partitions:3 folder texts)))

let text_results () =
  Scratch.with_folder (fun folder ->
    let program = Mapreduce.(program ~map:(Lines map) ~combine:sum ~results:Text ()) in
    let report = run folder program Fake_disco.(task [ input [ "raw://b%20a%20b" ] ]) in
    match report.Fake_disco.outputs with
    | [ ({ Fake_disco.kind = Message.Disco_file; _ } as output) ] ->
      Alcotest.(check string) "lines" "a 1\nb 2\n" (Fake_disco.content ~folder output)
    | _ -> Alcotest.fail "not one result")

let lacking () =
  Scratch.with_folder (fun folder ->
    let program = Mapreduce.(program ~map:(Lines map) ()) in
    match (run folder program (Fake_disco.task ~mode:Message.Reduce [])).Fake_disco.ending with
    | Fake_disco.Stopped _ -> ()
    | _ -> Alcotest.fail "no FATAL")

let failing_map () =
  Scratch.with_folder (fun folder ->
    let map _ _ line = if line = "bad" then Error (Errors.Fatal "told to") else Ok () in
    let program = Mapreduce.(program ~map:(Lines map) ()) in
    match (run folder program Fake_disco.(task [ input [ "raw://good%0Abad" ] ])).Fake_disco.ending with
    | Fake_disco.Stopped "told to" -> ()
    | _ -> Alcotest.fail "no FATAL")

let large () =
  Scratch.with_folder (fun folder ->
    let line n = Printf.sprintf "w%d w%d common" (n mod 997) (n mod 7) in
    let path = Scratch.write folder "large.txt" (String.concat "\n" (List.init 30_000 line)) in
    let program = Mapreduce.(program ~map:(Lines map) ~reduce ~memory_bytes:100_000 ()) in
    let mapped = (run ~partitions:2 folder program Fake_disco.(task [ input [ path ] ])).Fake_disco.outputs in
    let task = Fake_disco.task ~mode:Message.Reduce (List.map (input_of folder) mapped) in
    let outputs = (run folder program task).Fake_disco.outputs in
    let results = List.concat_map (records folder) outputs in
    Alcotest.(check (option string)) "sorted on the disk" (Some "30000") (List.assoc_opt "common" results);
    let keys = List.map fst results in
    Alcotest.(check bool) "keys in order, each once" true (keys = List.sort_uniq compare keys))

let own_partition () =
  let run partition =
    Scratch.with_folder (fun folder ->
      let program = Mapreduce.(program ~map:(Lines map) ~reduce ~partition ()) in
      run ~partitions:3 folder program Fake_disco.(task [ input [ "raw://a%20b" ] ]))
  in
  Alcotest.(check (list int)) "all to the last" [ 2 ] (List.map label (run (fun _ n -> n - 1)).Fake_disco.outputs);
  List.iter
    (fun wrong ->
      match (run (fun _ _ -> wrong)).Fake_disco.ending with
      | Fake_disco.Stopped _ -> ()
      | _ -> Alcotest.failf "label %d was taken" wrong)
    [ -1; 3 ]

let all_labels () =
  Scratch.with_folder (fun folder ->
    let program = Mapreduce.(program ~map:(Lines map) ~reduce ()) in
    let mapped = run ~partitions:3 folder program Fake_disco.(task [ input [ "raw://a%20b%20c%20d" ] ]) in
    let outputs = mapped.Fake_disco.outputs in
    let line output =
      Printf.sprintf "%d file://%s\n" (label output) (Filename.concat folder output.Fake_disco.location)
    in
    ignore (Scratch.write folder "data/host/index" (String.concat "" (List.map line outputs)));
    let reduce all_labels =
      let program = Mapreduce.(program ~reduce ~all_labels ()) in
      let task = Fake_disco.(task ~mode:Message.Reduce ~taskid:1 [ input [ "dir://localhost/disco/host/index" ] ]) in
      List.concat_map (records folder) (run folder program task).Fake_disco.outputs
    in
    let all = [ ("a", "1"); ("b", "1"); ("c", "1"); ("d", "1") ] in
    check_counts "every label" all (reduce true);
    check_counts "its own" (List.filter (fun (key, _) -> Partition.partition key 3 = 1) all) (reduce false))

(* ---- what a sort takes *)

let sorted_bytes = 64 * 1024 * 1024
let sort_bytes = 4 * 1024 * 1024
let most_taken_kib = 64 * 1024

(* The peak of this process, from the line that begins with VmHWM. *)
let peak_kib () =
  let status = open_in "/proc/self/status" in
  Fun.protect
    ~finally:(fun () -> close_in status)
    (fun () ->
      let rec look () =
        try Scanf.sscanf (input_line status) "VmHWM: %d" Fun.id with Scanf.Scan_failure _ -> look ()
      in
      look ())

let write_random_records path =
  let channel = open_out_bin path in
  let random = Random.State.make [| 5 |] and value = String.make 100 'v' in
  let writer = Hunk.writer ~codec:Codec.none (fun hunk -> Ok (output_string channel hunk)) in
  for _ = 1 to sorted_bytes / 112 do
    Result.get_ok (Hunk.add writer (Printf.sprintf "%06d" (Random.State.int random 1_000_000)) value)
  done;
  Result.get_ok (Hunk.flush writer);
  close_out channel

(* In a process of its own: 64 MiB of records with 4 MiB of memory. *)
let keeps_to_its_memory () =
  Scratch.with_folder (fun folder ->
    let path = Filename.concat folder "records" in
    write_random_records path;
    let sorting = Mapreduce.program ~reduce:(fun _ _ _ _ -> Ok ()) ~memory_bytes:sort_bytes () in
    let program task =
      let result = sorting task in
      ignore (Task.say task (string_of_int (peak_kib ())));
      result
    in
    let report = run folder program Fake_disco.(task ~mode:Message.Reduce [ input [ path ] ]) in
    Alcotest.(check bool) "DONE" true (report.Fake_disco.ending = Fake_disco.Done);
    match List.map int_of_string report.Fake_disco.messages with
    | [ taken ] when taken <= most_taken_kib -> ()
    | taken -> Alcotest.failf "the worker took %s KiB" (String.concat " and " (List.map string_of_int taken)))

let () =
  let case = Alcotest.test_case in
  Alcotest.run "mapreduce"
    [
      ( "word count",
        [
          case "one partition" `Quick (plain 1);
          case "seven partitions" `Quick (plain 7);
          case "a combiner" `Quick combined;
          case "results as text" `Quick text_results;
          case "more than memory holds" `Quick large;
          case "a sort keeps to its memory" `Quick keeps_to_its_memory;
          case "a partition function of its own" `Quick own_partition;
          case "all labels" `Quick all_labels;
        ] );
      ( "failures",
        [ case "no such function" `Quick lacking; case "a map that fails" `Quick failing_map ] );
    ]
