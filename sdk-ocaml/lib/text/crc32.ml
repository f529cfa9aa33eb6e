(* Eight tables: a step takes eight bytes, and the look-ups of a step do not wait for each other. *)
let tables =
  let first =
    Array.init 256 (fun n ->
      let c = ref n in
      for _ = 1 to 8 do
        c := if !c land 1 = 1 then 0xEDB88320 lxor (!c lsr 1) else !c lsr 1
      done;
      !c)
  in
  let all = Array.make (8 * 256) 0 in
  Array.blit first 0 all 0 256;
  for i = 256 to (8 * 256) - 1 do
    let before = all.(i - 256) in
    all.(i) <- first.(before land 0xFF) lxor (before lsr 8)
  done;
  all

let table k byte = Array.unsafe_get tables ((k lsl 8) lor (byte land 0xFF))

let low32 s i = Int32.to_int (String.get_int32_le s i) land 0xFFFFFFFF

let substring s offset length =
  if offset < 0 || length < 0 || offset > String.length s - length then
    invalid_arg "Disco.Crc32.substring";
  let crc = ref 0xFFFFFFFF and i = ref offset and stop = offset + length in
  while !i + 8 <= stop do
    let a = !crc lxor low32 s !i and b = low32 s (!i + 4) in
    crc :=
      table 7 a
      lxor table 6 (a lsr 8)
      lxor table 5 (a lsr 16)
      lxor table 4 (a lsr 24)
      lxor table 3 b
      lxor table 2 (b lsr 8)
      lxor table 1 (b lsr 16)
      lxor table 0 (b lsr 24);
    i := !i + 8
  done;
  while !i < stop do
    crc := table 0 (!crc lxor Char.code (String.unsafe_get s !i)) lxor (!crc lsr 8);
    incr i
  done;
  !crc lxor 0xFFFFFFFF

let string s = substring s 0 (String.length s)
