(* Counts words: the map gives out each word once, the reduce adds up. *)
open Disco_unix

let words line = List.filter (fun word -> word <> "") (String.split_on_char ' ' line)

let map _task emit line =
  List.iter (fun word -> emit word "1") (words line);
  Ok ()

let reduce _task emit word counts =
  emit word (string_of_int (Mapreduce.total counts));
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~combine:sum ~reduce ~results:Text ())
