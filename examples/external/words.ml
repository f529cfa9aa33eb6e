(* The same word count as words.c, with nothing but the standard library: its argument says map or reduce. *)

let die reason =
  prerr_endline ("**<ERR> " ^ reason);
  exit 1

(* Reads past the parameters, which this program does not need. *)
let skip_parameters () =
  match input_line stdin with
  | exception End_of_file -> ()
  | size -> (
    match int_of_string_opt size with
    | Some count when count >= 0 -> (
      try ignore (really_input_string stdin count)
      with End_of_file -> die "the input ends inside the parameters")
    | _ -> die ("the parameters have no size: " ^ size))

(* A key or a value; None at the end of the input. *)
let read_entry () =
  match input_char stdin with
  | exception End_of_file -> None
  | first -> (
    try
      let length = String.make 1 first ^ really_input_string stdin 3 in
      let size = Int32.to_int (String.get_int32_le length 0) land 0xFFFF_FFFF in
      Some (really_input_string stdin size)
    with End_of_file -> die "the input ends inside an entry")

let write_number n =
  let bytes = Bytes.create 4 in
  Bytes.set_int32_le bytes 0 (Int32.of_int n);
  print_bytes bytes

let write_entry entry =
  write_number (String.length entry);
  print_string entry

let rec pairs take =
  match read_entry () with
  | None -> ()
  | Some key -> (
    match read_entry () with
    | None -> die "the input ends between a key and its value"
    | Some value ->
      take key value;
      pairs take)

let is_blank = function ' ' | '\t' | '\n' | '\r' | '\011' | '\012' -> true | _ -> false

let words line =
  let spaced = String.map (fun c -> if is_blank c then ' ' else c) line in
  List.filter (fun word -> word <> "") (String.split_on_char ' ' spaced)

let map _ line =
  let words = words line in
  write_number (List.length words);
  List.iter
    (fun word ->
      write_entry word;
      write_entry "1")
    words;
  flush stdout

let counts = Hashtbl.create 1000

let add word count =
  match int_of_string_opt count with
  | None -> die (count ^ " is no count")
  | Some n -> Hashtbl.replace counts word (n + Option.value (Hashtbl.find_opt counts word) ~default:0)

let write_counts () =
  write_number (Hashtbl.length counts);
  List.iter
    (fun (word, count) ->
      write_entry word;
      write_entry (string_of_int count))
    (List.sort compare (List.of_seq (Hashtbl.to_seq counts)))

let () =
  set_binary_mode_in stdin true;
  set_binary_mode_out stdout true;
  skip_parameters ();
  match Sys.argv with
  | [| _; "map" |] -> pairs map
  | [| _; "reduce" |] ->
    pairs add;
    write_counts ()
  | _ -> die "the argument must be map or reduce"
