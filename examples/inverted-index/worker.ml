open Disco_unix

let letter_or_space byte =
  match byte with 'a' .. 'z' | 'A' .. 'Z' -> Char.lowercase_ascii byte | _ -> ' '

let words text =
  String.split_on_char ' ' (String.map letter_or_space text)
  |> List.filter (fun word -> word <> "")
  |> List.sort_uniq String.compare

let map _task emit line =
  match String.index_opt line '\t' with
  | None -> Error (Disco.Errors.Fatal "a line needs its number before it")
  | Some tab ->
      let number = String.sub line 0 tab in
      let text = String.sub line (tab + 1) (String.length line - tab - 1) in
      List.iter (fun word -> emit word number) (words text);
      Ok ()

let reduce _task emit word numbers =
  let sorted = List.sort_uniq Int.compare (List.map int_of_string (List.of_seq numbers)) in
  emit word (String.concat " " (List.map string_of_int sorted));
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~reduce ())
