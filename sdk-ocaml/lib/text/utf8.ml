let continuation s i = i < String.length s && Char.code s.[i] land 0xC0 = 0x80

let between s i low high = i < String.length s && Char.code s.[i] >= low && Char.code s.[i] <= high

(* The length of the character that starts at [i], or 0. The second byte decides about overlong forms,
   surrogates and the upper end (table 3-7 of the Unicode standard). *)
let character_length s i =
  let two = continuation s (i + 2) in
  match Char.code (String.unsafe_get s i) with
  | c when c < 0x80 -> 1
  | c when c >= 0xC2 && c <= 0xDF -> if continuation s (i + 1) then 2 else 0
  | 0xE0 -> if between s (i + 1) 0xA0 0xBF && two then 3 else 0
  | 0xED -> if between s (i + 1) 0x80 0x9F && two then 3 else 0
  | c when c >= 0xE1 && c <= 0xEF -> if continuation s (i + 1) && two then 3 else 0
  | 0xF0 -> if between s (i + 1) 0x90 0xBF && two && continuation s (i + 3) then 4 else 0
  | 0xF4 -> if between s (i + 1) 0x80 0x8F && two && continuation s (i + 3) then 4 else 0
  | c when c >= 0xF1 && c <= 0xF3 ->
    if continuation s (i + 1) && two && continuation s (i + 3) then 4 else 0
  | _ -> 0

let first_fault s =
  let size = String.length s in
  let rec from i =
    if i >= size then None
    else if String.unsafe_get s i < '\x80' then from (i + 1)
    else match character_length s i with 0 -> Some i | length -> from (i + length)
  in
  from 0

let is_valid s = first_fault s = None

let repair s =
  if is_valid s then s
  else begin
    let repaired = Buffer.create (String.length s + 16) in
    let rec from i =
      if i < String.length s then
        match character_length s i with
        | 0 ->
          Buffer.add_string repaired "\xEF\xBF\xBD";
          from (i + 1)
        | length ->
          Buffer.add_substring repaired s i length;
          from (i + length)
    in
    from 0;
    Buffer.contents repaired
  end

let add buffer code =
  let byte bits = Buffer.add_char buffer (Char.chr bits) in
  let tail shift = byte (0x80 lor ((code lsr shift) land 0x3F)) in
  if code < 0x80 then byte code
  else if code < 0x800 then (byte (0xC0 lor (code lsr 6)); tail 0)
  else if code < 0x10000 then (byte (0xE0 lor (code lsr 12)); tail 6; tail 0)
  else (byte (0xF0 lor (code lsr 18)); tail 12; tail 6; tail 0)
