open Disco_unix

(* [cut row] is what comes before the first tab, and what comes after it. *)
let cut row =
  match String.index_opt row '\t' with
  | None -> (row, "")
  | Some tab -> (String.sub row 0 tab, String.sub row (tab + 1) (String.length row - tab - 1))

let map _task emit row =
  let table, rest = cut row in
  let title, text = cut rest in
  emit title (table ^ "\t" ^ text);
  Ok ()

let reduce _task emit title rows =
  let years, lines = List.partition (fun (table, _) -> table = "year") (List.map cut (List.of_seq rows)) in
  List.iter (fun (_, year) -> List.iter (fun (_, line) -> emit title (year ^ "\t" ^ line)) lines) years;
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~reduce ())
