open Disco_unix

let pattern = Option.value (Sys.getenv_opt "PATTERN") ~default:""

let contains line =
  let size = String.length pattern in
  let rec at start =
    start + size <= String.length line && (String.sub line start size = pattern || at (start + 1))
  in
  at 0

let map _task emit line =
  if contains line then emit pattern line;
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ())
