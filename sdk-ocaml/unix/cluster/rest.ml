open Disco

let ( let* ) = Result.bind
let attempts = 10
let unreachable_attempts = 3
let first_pause_s = 0.1
let last_pause_s = 5.0
let busy = 503
let max_reason_bytes = 500

type error = { url : string; status : int option; reason : string }

let pp_error ppf { url; status; reason } =
  match status with
  | None -> Format.fprintf ppf "no answer from %s: %s" url reason
  | Some status -> Format.fprintf ppf "%s answered with status %d: %s" url status reason

let cut s = if String.length s <= max_reason_bytes then s else String.sub s 0 max_reason_bytes ^ "…"

let request ?token ?patience_s ?(body = Http.Nothing) verb url =
  let rec attempt n pause =
    let again limit error =
      if n >= limit then Error error
      else begin
        Unix.sleepf pause;
        attempt (n + 1) (Float.min last_pause_s (2.0 *. pause))
      end
    in
    match Http.request ?token ?patience_s ~body verb url with
    | Ok { Http.status = 200 | 201; body } -> Ok body
    | Ok { Http.status; body } ->
      let error = { url; status = Some status; reason = cut body } in
      if status = busy then again attempts error else Error error
    | Error reason ->
      let error = { url; status = None; reason } in
      if verb = "POST" then Error error else again unreachable_attempts error
  in
  attempt 1 first_pause_s

let json ?token ?patience_s ?body verb url =
  let* text = request ?token ?patience_s ?body verb url in
  match Json.decode text with
  | Ok value -> Ok value
  | Error reason -> Error { url; status = Some 200; reason = "the answer is no JSON: " ^ reason }

let unexpected url value =
  Error { url; status = Some 200; reason = "the answer has another form: " ^ cut (Json.encode value) }

let strings url = function
  | `List items as value ->
    let texts = List.filter_map (function `String s -> Some s | _ -> None) items in
    if List.compare_lengths texts items = 0 then Ok texts else unexpected url value
  | value -> unexpected url value
