(* A word count whose results are kept in DDFS, as records. *)
open Disco_unix

let map _task emit line =
  List.iter (fun word -> if word <> "" then emit word "1") (String.split_on_char ' ' line);
  Ok ()

let reduce _task emit word counts =
  emit word (string_of_int (Mapreduce.total counts));
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~reduce ~save:true ~codec:Codecs.zstd ())
