(* The README's word count is the example, and it runs. *)
open Disco_testing

let max_lines = 25

(* What stands between the first pair of OCaml fences. *)
let code_in readme =
  let rec from inside found = function
    | "```ocaml" :: rest when not inside -> from true found rest
    | "```" :: _ when inside -> List.rev found
    | line :: rest -> from inside (if inside then line :: found else found) rest
    | [] -> Alcotest.fail "the README shows no OCaml"
  in
  from false [] (String.split_on_char '\n' readme)

let shown_is_built () =
  let code = code_in (Scratch.read "../README.md") in
  Alcotest.(check bool) "25 lines" true (List.length code <= max_lines);
  Alcotest.(check string) "the example" (Scratch.read "../examples/wordcount.ml") (String.concat "\n" code ^ "\n")

(* The core stays without input and output: its dune file names one library, and that is not unix. *)
let core_is_pure () =
  let dune = Scratch.read "../lib/dune" in
  let lines = List.map String.trim (String.split_on_char '\n' dune) in
  let prefix = "(libraries" in
  let names line = String.length line > 10 && String.sub line 0 10 = prefix in
  Alcotest.(check (list string)) "libraries" [ "(libraries yojson))" ] (List.filter names lines)

let worker = lazy (Filename.concat (Sys.getcwd ()) "../examples/wordcount.exe")

let run folder task =
  match Fake_disco.run ~partitions:2 ~folder (Fake_disco.Command [ Lazy.force worker ]) [ task ] with
  | Ok ([ { Fake_disco.ending = Fake_disco.Done; outputs; _ } ], Unix.WEXITED 0) -> outputs
  | Ok _ -> Alcotest.fail "another ending"
  | Error reason -> Alcotest.fail reason

let counts () =
  Scratch.with_folder (fun folder ->
    let mapped = run folder Fake_disco.(task [ input [ "raw://the%20cat%0Athe%20hat" ] ]) in
    let inputs =
      List.map (fun o -> Fake_disco.input [ Filename.concat folder o.Fake_disco.location ]) mapped
    in
    match run folder (Fake_disco.task ~mode:Disco.Message.Reduce inputs) with
    | [ output ] ->
      Alcotest.(check string) "counts" "cat 1\nhat 1\nthe 2\n" (Fake_disco.content ~folder output)
    | _ -> Alcotest.fail "not one result")

let () =
  Alcotest.run "readme"
    [
      ( "word count",
        [
          Alcotest.test_case "is the example" `Quick shown_is_built;
          Alcotest.test_case "counts" `Quick counts;
        ] );
      ("layout", [ Alcotest.test_case "the core has no unix" `Quick core_is_pure ]);
    ]
