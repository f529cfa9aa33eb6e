open Disco

let ( let* ) = Result.bind
let max_index_bytes = 256 * 1024 * 1024

type place = { host : string; disco_port : int; disco_data : string; ddfs_data : string; label : int option }

let place_of ?(all_labels = false) info =
  let label =
    match info.Message.mode with Message.Reduce when not all_labels -> Some info.Message.taskid | _ -> None
  in
  {
    host = info.Message.host;
    disco_port = info.Message.disco_port;
    disco_data = info.Message.disco_data;
    ddfs_data = info.Message.ddfs_data;
    label;
  }

let bad url reason = Error (Errors.Bad_input { url; reason })
let or_bad url = Result.map_error (fun reason -> Errors.Bad_input { url; reason })

(* The file behind a path of this host: /disco/... below disco_data, /ddfs/... below ddfs_data. *)
let local_path place host path =
  let below prefix root =
    let size = String.length prefix in
    if String.length path > size && String.sub path 0 size = prefix then
      Some (Filename.concat root (String.sub path size (String.length path - size)))
    else None
  in
  if host <> place.host || List.mem ".." (String.split_on_char '/' path) then None
  else
    match below "/disco/" place.disco_data with
    | Some file -> Some file
    | None -> below "/ddfs/" place.ddfs_data

let over_http place host path =
  let host = if snd (Url.host_and_port host) = None then Printf.sprintf "%s:%d" host place.disco_port else host in
  Http.download (Printf.sprintf "http://%s%s" host path)

let open_disco place rest =
  let host, path = Url.host_and_path rest in
  match Option.map Source.of_file (local_path place host path) with
  | Some (Ok source) -> Ok source
  | Some (Error _) | None -> over_http place host path

let open_file path =
  let host = "localhost" in
  let size = String.length host in
  if String.length path > size && String.sub path 0 (size + 1) = host ^ "/" then
    Source.of_file (String.sub path size (String.length path - size))
  else Source.of_file path

let open_url place url =
  match Url.scheme url with
  | Some ("raw", data) -> Ok (Source.of_string (Url.decode data))
  | Some (("http" | "https"), _) -> or_bad url (Http.download url)
  | Some ("disco", rest) -> or_bad url (open_disco place rest)
  | Some ("file", path) -> or_bad url (open_file path)
  | Some (scheme, _) ->
    bad url (Printf.sprintf "unknown scheme %s: there are disco, dir, http, https, raw and file" scheme)
  | None when url <> "" && url.[0] = '/' -> or_bad url (Source.of_file url)
  | None -> bad url "it is no URL: it has no scheme"

let index place url rest =
  let* source = or_bad url (open_disco place rest) in
  let* text = or_bad url (Source.to_string ~max_bytes:max_index_bytes source) in
  let* text =
    if Filename.check_suffix url ".gz" then or_bad url (Codecs.gunzip ~max_bytes:max_index_bytes text) else Ok text
  in
  Index.parse ~url text

let expand place url =
  match Url.scheme url with
  | Some ("dir", rest) ->
    let* entries = index place url rest in
    Ok (Index.urls ?label:place.label entries)
  | _ -> Ok [ url ]
