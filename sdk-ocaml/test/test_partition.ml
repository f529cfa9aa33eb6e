(* The partition function: the rows of the shared vectors. *)
open Disco

(* With our own reader: Yojson refuses lone surrogates. *)
let rows =
  lazy
    (match Json.decode (Vectors.read "partition/vectors.json") with
     | Ok rows -> Yojson.Basic.Util.to_list rows
     | Error reason -> Alcotest.fail reason)

let canonical_to_label () =
  List.iter
    (fun row ->
      let canonical = Vectors.(base64 (text (member "canonical" row))) in
      let int key = Yojson.Basic.Util.to_int (Vectors.member key row) in
      Alcotest.(check int) (Errors.quoted canonical) (int "partition") (Partition.partition canonical (int "n")))
    (Lazy.force rows)

let small_int text = match int_of_string_opt text with Some n when string_of_int n = text -> Some n | _ -> None

(* A key as the vectors show it, where this language has its type. *)
let key_of row =
  match (Vectors.(text (member "key_type" row)), Yojson.Basic.Util.member "key" row) with
  | ("text" | "str"), `String s when Utf8.is_valid s -> Some (Partition.Bytes s)
  | ("int" | "integer"), `String s -> Option.map (fun n -> Partition.Int n) (small_int s)
  | ("none" | "None"), `Null -> Some Partition.Nothing
  | _ -> None

let keys_to_canonical () =
  let checked = ref 0 in
  List.iter
    (fun row ->
      match key_of row with
      | None -> ()
      | Some key ->
        incr checked;
        let wanted = Vectors.(base64 (text (member "canonical" row))) in
        Alcotest.(check string) "canonical" wanted (Partition.canonical key))
    (Lazy.force rows);
  Alcotest.(check bool) "some keys have our types" true (!checked > 20)

let tuples () =
  let key = Partition.(Tuple [ Bytes "a"; Int (-7); Nothing; Tuple [] ]) in
  Alcotest.(check string) "each after its length (1.5)" "\001\000\000\000a\002\000\000\000-7\000\000\000\000\000\000\000\000"
    (Partition.canonical key)

let few () =
  Alcotest.(check (list int)) "none or one label" [ 0; 0; 0 ] (List.map (Partition.partition "a") [ -1; 0; 1 ])

let () =
  let case = Alcotest.test_case in
  Alcotest.run "partition"
    [
      ( "vectors",
        [
          case "canonical bytes to label" `Quick canonical_to_label;
          case "keys to canonical bytes" `Quick keys_to_canonical;
          case "tuples" `Quick tuples;
          case "few labels" `Quick few;
        ] );
    ]
