let entry ~url line =
  let bad () =
    Error (Errors.Bad_input { url; reason = "a line of the index is not `label url`: " ^ Errors.quoted line })
  in
  match String.index_opt line ' ' with
  | None -> bad ()
  | Some at -> (
    let label = String.sub line 0 at and rest = String.sub line (at + 1) (String.length line - at - 1) in
    let is_decimal = label <> "" && String.for_all (function '0' .. '9' -> true | _ -> false) label in
    match int_of_string_opt label with
    | Some label when is_decimal && rest <> "" -> Ok (label, rest)
    | _ -> bad ())

let parse ~url text =
  let rec from found = function
    | [] -> Ok (List.rev found)
    | "" :: rest -> from found rest
    | line :: rest -> ( match entry ~url line with Ok one -> from (one :: found) rest | Error _ as error -> error)
  in
  from [] (String.split_on_char '\n' text)

let urls ?label entries =
  List.filter_map
    (fun (l, url) -> match label with Some wanted when wanted <> l -> None | _ -> Some url)
    entries
