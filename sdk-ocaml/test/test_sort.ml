(* The external sort: against a sort in memory, with runs, several levels of merging, and a combiner. *)
open Disco
open Disco_unix

let ( let* ) = Result.bind
let ok = function Ok value -> value | Error failure -> Alcotest.fail (Errors.to_string failure)

let collect iter =
  let found = ref [] in
  ok
    (iter (fun key value ->
       found := (key, value) :: !found;
       Ok ()));
  List.rev !found

let add_all sort pairs = List.iter (fun (key, value) -> ok (Sort.add sort key value)) pairs
let in_memory pairs = List.stable_sort (fun (a, _) (b, _) -> String.compare a b) pairs

let sorted ?memory_bytes folder pairs =
  let sort = Sort.create ?memory_bytes ~folder () in
  add_all sort pairs;
  let runs = Sort.runs sort in
  let found = collect (Sort.iter sort) in
  Alcotest.(check int) "no run is left" 0 (Array.length (Sys.readdir folder));
  (runs, found)

let as_in_memory pairs = Scratch.with_folder (fun folder -> snd (sorted ~memory_bytes:500 folder pairs) = in_memory pairs)

let many n = List.init n (fun i -> (Printf.sprintf "%05d" (i * 7919 mod 1000), string_of_int i))

let several_levels () =
  Scratch.with_folder (fun folder ->
    let pairs = many 20_000 in
    let runs, found = sorted ~memory_bytes:6_000 folder pairs in
    Alcotest.(check bool) "more runs than two levels of merging" true (runs > Sort.max_fan_in * Sort.max_fan_in);
    Alcotest.(check bool) "in order, equal keys as they came" true (found = in_memory pairs))

let memory_limit () =
  Scratch.with_folder (fun folder ->
    let pairs = List.init 10 (fun i -> (string_of_int i, "")) in
    let needed = 10 * (1 + 96) in
    Alcotest.(check int) "at the limit" 0 (fst (sorted ~memory_bytes:needed folder pairs));
    Alcotest.(check int) "over it" 1 (fst (sorted ~memory_bytes:(needed - 1) folder pairs)))

let combines () =
  Scratch.with_folder (fun folder ->
    let sort = Sort.create ~memory_bytes:10_000 ~combine:Mapreduce.sum ~folder () in
    add_all sort (List.init 30_000 (fun i -> (string_of_int (i mod 300), "1")));
    Alcotest.(check bool) "with runs" true (Sort.runs sort > 1);
    let found = collect (Sort.iter sort) in
    Alcotest.(check int) "a value a key" 300 (List.length found);
    Alcotest.(check bool) "the right one" true (List.for_all (fun (_, value) -> value = "100") found))

(* Joining tells the order in which the values came, also over several levels of runs. *)
let folds () =
  Scratch.with_folder (fun folder ->
    let join _key a b = a ^ "," ^ b in
    let sort = Sort.create ~memory_bytes:4_000 ~combine:(Sort.Fold join) ~folder () in
    let pairs = List.init 9_000 (fun i -> (string_of_int (i mod 300), string_of_int i)) in
    add_all sort pairs;
    Alcotest.(check bool) "with runs" true (Sort.runs sort > Sort.max_fan_in);
    let expected =
      List.init 300 (fun key ->
        (string_of_int key, String.concat "," (List.init 30 (fun n -> string_of_int (key + (300 * n))))))
    in
    Alcotest.(check (list (pair string string))) "all values, as they came" (in_memory expected)
      (collect (Sort.iter sort)))

let sums () =
  Scratch.with_folder (fun folder ->
    let sort = Sort.create ~combine:Sort.Sum ~folder () in
    add_all sort [ ("b", "-7"); ("a", "1"); ("b", "1000000000000"); ("c", "none"); ("", "2"); ("a", "1") ];
    Alcotest.(check (list (pair string string))) "what is no number counts as 0"
      [ ("", "2"); ("a", "2"); ("b", "999999999993"); ("c", "0") ]
      (collect (Sort.iter sort)))

let groups_of folder pairs take =
  let sort = Sort.create ~memory_bytes:2_000 ~folder () in
  add_all sort pairs;
  let found = ref [] in
  ok
    (Sort.groups sort (fun key values ->
       found := (key, take values) :: !found;
       Ok ()));
  List.rev !found

let grouped () =
  Scratch.with_folder (fun folder ->
    let pairs = [ ("b", "1"); ("a", "2"); ("b", "3"); ("", "4"); ("a", "5") ] in
    Alcotest.(check (list (pair string (list string)))) "in order"
      [ ("", [ "4" ]); ("a", [ "2"; "5" ]); ("b", [ "1"; "3" ]) ]
      (groups_of folder pairs List.of_seq);
    let first values = match values () with Seq.Nil -> [] | Seq.Cons (value, _) -> [ value ] in
    Alcotest.(check (list (pair string (list string)))) "what is left is passed over"
      [ ("", [ "4" ]); ("a", [ "2" ]); ("b", [ "1" ]) ]
      (groups_of folder pairs first);
    Alcotest.(check (list (pair string (list string)))) "nothing" [] (groups_of folder [] List.of_seq))

let lost_run () =
  Scratch.with_folder (fun folder ->
    let sort = Sort.create ~memory_bytes:1_000 ~folder () in
    add_all sort (many 100);
    Array.iter
      (fun name -> ignore (Scratch.write folder name "\xD1 damaged"))
      (Sys.readdir folder);
    match Sort.groups sort (fun _ _ -> Ok ()) with
    | Error (Errors.Transient _) -> ()
    | _ -> Alcotest.fail "damage on the disk is no end of the data")

let stops () =
  Scratch.with_folder (fun folder ->
    let sort = Sort.create ~folder () in
    add_all sort [ ("a", ""); ("b", "") ];
    let seen = ref 0 in
    let result =
      Sort.iter sort (fun _ _ ->
        incr seen;
        let* () = Ok () in
        Error (Errors.Fatal "enough"))
    in
    Alcotest.(check bool) "the error is the result" true (result = Error (Errors.Fatal "enough"));
    Alcotest.(check int) "at once" 1 !seen)

let () =
  let case = Alcotest.test_case in
  let small_pairs = QCheck.(small_list (pair small_string small_string)) in
  Alcotest.run "sort"
    [
      ( "sort",
        [
          case "as a sort in memory" `Quick (fun () ->
            QCheck.Test.check_exn (QCheck.Test.make ~count:300 small_pairs as_in_memory));
          case "several levels of merging" `Quick several_levels;
          case "the limit of memory" `Quick memory_limit;
          case "a combiner" `Quick combines;
          case "a combiner that folds" `Quick folds;
          case "a combiner that sums" `Quick sums;
          case "an error of the callback" `Quick stops;
          case "a damaged run" `Quick lost_run;
        ] );
      ("groups", [ case "keys and values" `Quick grouped ]);
    ]
