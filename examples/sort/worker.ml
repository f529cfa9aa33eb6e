open Disco_unix

let key_bytes = 10

let map _task emit record =
  let size = min key_bytes (String.length record) in
  emit (String.sub record 0 size) (String.sub record size (String.length record - size));
  Ok ()

let reduce _task emit key rests =
  Seq.iter (emit key) rests;
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~reduce ())
