open Disco_unix

let is_space = function ' ' | '\t' .. '\r' -> true | _ -> false

(* [each_word f line] calls [f] with each run of bytes that holds no ASCII white space. *)
let each_word f line =
  let length = String.length line in
  let rec from start =
    if start < length then
      if is_space line.[start] then from (start + 1)
      else begin
        let stop = ref start in
        while !stop < length && not (is_space line.[!stop]) do
          incr stop
        done;
        f (String.sub line start (!stop - start));
        from !stop
      end
  in
  from 0

let map _task emit line =
  each_word (fun word -> emit word "1") line;
  Ok ()

let reduce _task emit word counts =
  emit word (string_of_int (Mapreduce.total counts));
  Ok ()

let () = Mapreduce.(main ~map:(Lines map) ~combine:sum ~reduce ())
