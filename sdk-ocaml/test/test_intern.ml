(* Numbers for keys: against a table of the standard library. *)
open Disco_unix

let numbers_as_table keys =
  let interned = Intern.create () and table = Hashtbl.create 16 in
  let same_number key =
    let expected =
      match Hashtbl.find_opt table key with
      | Some number -> number
      | None ->
        let number = Hashtbl.length table in
        Hashtbl.add table key number;
        number
    in
    Intern.number interned key = expected && Intern.key interned expected = key
  in
  List.for_all same_number keys && Intern.count interned = Hashtbl.length table

let random_keys () = QCheck.(Test.check_exn (Test.make ~count:300 (list small_string) numbers_as_table))

(* More than the first table holds, twice: new ones, then known ones. *)
let many_keys name key =
  let keys = List.init 20_000 key in
  Alcotest.(check bool) name true (numbers_as_table (keys @ keys))

let grows () =
  many_keys "decimals" string_of_int;
  many_keys "of one length, with the difference at the end" (Printf.sprintf "https://example.org/page/%08d");
  many_keys "of one length, with the difference at the start" (Printf.sprintf "%08d/and/then/a/rest");
  many_keys "of nothing but zeros" (fun n -> String.make (n mod 500) '\000')

(* Keys that differ only in the highest bit of a word have one hash, and are two keys. *)
let equal_hashes () =
  Alcotest.(check bool) "two numbers" true (numbers_as_table [ "\x01234567\x81"; "\x81234567\x01"; "\x01234567\x01" ])

let clears () =
  let interned = Intern.create () in
  List.iter (fun n -> ignore (Intern.number interned (string_of_int n))) (List.init 5_000 Fun.id);
  Intern.clear interned;
  Alcotest.(check int) "nothing is left" 0 (Intern.count interned);
  Alcotest.(check int) "numbers start anew" 0 (Intern.number interned "4999")

let () =
  let case = Alcotest.test_case in
  Alcotest.run "intern"
    [
      ( "numbers",
        [
          case "random keys" `Quick random_keys;
          case "many keys" `Quick grows;
          case "keys of one hash" `Quick equal_hashes;
          case "cleared" `Quick clears;
        ] );
    ]
