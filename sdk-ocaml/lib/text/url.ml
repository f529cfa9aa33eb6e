let find_from text start wanted =
  let size = String.length wanted in
  let rec at i =
    if i + size > String.length text then None
    else if String.sub text i size = wanted then Some i
    else at (i + 1)
  in
  at start

let scheme url =
  match find_from url 0 "://" with
  | Some i when i > 0 -> Some (String.sub url 0 i, String.sub url (i + 3) (String.length url - i - 3))
  | _ -> None

let host_and_path rest =
  match String.index_opt rest '/' with
  | None -> (rest, "")
  | Some i -> (String.sub rest 0 i, String.sub rest i (String.length rest - i))

let host_and_port host =
  match String.rindex_opt host ':' with
  | None -> (host, None)
  | Some i -> (
    match int_of_string_opt (String.sub host (i + 1) (String.length host - i - 1)) with
    | Some port when port >= 0 && port <= 65535 -> (String.sub host 0 i, Some port)
    | _ -> (host, None))

let hex = function
  | '0' .. '9' as c -> Some (Char.code c - Char.code '0')
  | 'a' .. 'f' as c -> Some (Char.code c - Char.code 'a' + 10)
  | 'A' .. 'F' as c -> Some (Char.code c - Char.code 'A' + 10)
  | _ -> None

let decode s =
  let decoded = Buffer.create (String.length s) in
  let size = String.length s in
  let rec from i =
    if i < size then begin
      let pair = if s.[i] = '%' && i + 2 < size then (hex s.[i + 1], hex s.[i + 2]) else (None, None) in
      match pair with
      | Some high, Some low ->
        Buffer.add_char decoded (Char.chr ((high * 16) + low));
        from (i + 3)
      | _ ->
        Buffer.add_char decoded s.[i];
        from (i + 1)
    end
  in
  from 0;
  Buffer.contents decoded

let encode ?(keep = "") s =
  let encoded = Buffer.create (String.length s + 16) in
  String.iter
    (fun c ->
      match c with
      | 'a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '-' | '.' | '_' | '~' -> Buffer.add_char encoded c
      | c when String.contains keep c -> Buffer.add_char encoded c
      | c -> Buffer.add_string encoded (Printf.sprintf "%%%02X" (Char.code c)))
    s;
  Buffer.contents encoded
