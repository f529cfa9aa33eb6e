let connect_timeout_s = 20
let silence_s = 60
let max_redirects = 5
let max_response_bytes = 256 * 1024 * 1024
let poll_ms = 1000
let ok_status = 200
let token_user = "token"

let describe code = Curl.strerror code

(* Every call into curl is made inside: its exceptions become the error. *)
let guarded f =
  match f () with
  | result -> result
  | exception Curl.CurlException (code, _, reason) ->
    Error (if reason = "" then describe code else reason)
  | exception Curl.Multi.Error reason -> Error reason
  | exception Curl.Multi.CError (_, _, reason) -> Error reason
  | exception Curl.NotImplemented option -> Error ("this libcurl lacks " ^ option)

let prepare ?token ?(patience_s = silence_s) handle url =
  Curl.set_url handle url;
  Curl.set_nosignal handle true;
  Curl.set_proxy handle "";
  Curl.set_protocols handle [ Curl.CURLPROTO_HTTP; Curl.CURLPROTO_HTTPS ];
  Curl.set_redirprotocols handle [ Curl.CURLPROTO_HTTP; Curl.CURLPROTO_HTTPS ];
  Curl.set_followlocation handle true;
  Curl.set_maxredirs handle max_redirects;
  Curl.set_connecttimeout handle connect_timeout_s;
  Curl.set_lowspeedlimit handle 1;
  Curl.set_lowspeedtime handle patience_s;
  Curl.set_useragent handle "disco-ocaml";
  (* libcurl leaves this variable to programs. *)
  (match Sys.getenv_opt "SSL_CERT_FILE" with None | Some "" -> () | Some trusted -> Curl.set_cainfo handle trusted);
  match token with None -> () | Some token -> Curl.set_userpwd handle (token_user ^ ":" ^ token)

(* ---- downloads *)

type download = {
  handle : Curl.t;
  multi : Curl.Multi.mt;
  arrived : string Queue.t;
  mutable used : int;  (* of the first piece that arrived *)
  mutable finished : Curl.curlCode option;
  mutable is_open : bool;
}

(* A transfer that has finished was taken out of [multi] by [remove_finished]. Doing that again would drop the binding's
   count of the values that share the handle too far, and it would be freed while one of them lives. *)
let close d =
  if d.is_open then begin
    d.is_open <- false;
    if d.finished = None then
      ignore
        (guarded (fun () ->
           Curl.Multi.remove d.multi d.handle;
           Ok ()));
    Curl.Multi.cleanup d.multi;
    Curl.cleanup d.handle
  end

(* Lets the transfer go on until something has arrived or it is over; so the other end is held back while nobody reads. *)
let rec advance d =
  if Queue.is_empty d.arrived && d.finished = None then begin
    ignore (Curl.Multi.perform d.multi);
    (match Curl.Multi.remove_finished d.multi with
     | Some (_, code) -> d.finished <- Some code
     | None -> if Queue.is_empty d.arrived then ignore (Curl.Multi.poll ~timeout_ms:poll_ms d.multi));
    advance d
  end

let take d bytes offset length =
  let piece = Queue.peek d.arrived in
  let n = min length (String.length piece - d.used) in
  Bytes.blit_string piece d.used bytes offset n;
  d.used <- d.used + n;
  if d.used = String.length piece then begin
    ignore (Queue.pop d.arrived);
    d.used <- 0
  end;
  n

let read d bytes offset length =
  if not d.is_open then Error "it is closed"
  else
    guarded (fun () ->
      advance d;
      if not (Queue.is_empty d.arrived) then Ok (take d bytes offset length)
      else match d.finished with Some Curl.CURLE_OK | None -> Ok 0 | Some code -> Error (describe code))

let check_status d =
  advance d;
  match d.finished with
  | Some code when code <> Curl.CURLE_OK && Queue.is_empty d.arrived -> Error (describe code)
  | _ ->
    let status = Curl.get_responsecode d.handle in
    if status = ok_status then Ok () else Error (Printf.sprintf "HTTP status %d" status)

let download ?token url =
  guarded (fun () ->
    let handle = Curl.init () in
    let d =
      {
        handle;
        multi = Curl.Multi.create ();
        arrived = Queue.create ();
        used = 0;
        finished = None;
        is_open = true;
      }
    in
    let started =
      guarded (fun () ->
        prepare ?token handle url;
        Curl.set_writefunction handle (fun piece ->
          if piece <> "" then Queue.add piece d.arrived;
          String.length piece);
        Curl.Multi.add d.multi handle;
        check_status d)
    in
    match started with
    | Ok () -> Ok { Source.read = read d; close = (fun () -> close d) }
    | Error _ as error ->
      close d;
      error)

(* ---- requests *)

type response = { status : int; body : string }
type body = Nothing | Text of string | File of string

let collect handle =
  let all = Buffer.create 1024 in
  Curl.set_writefunction handle (fun piece ->
    if Buffer.length all + String.length piece > max_response_bytes then 0
    else begin
      Buffer.add_string all piece;
      String.length piece
    end);
  all

let send_text handle verb text =
  Curl.set_post handle true;
  Curl.set_postfields handle text;
  Curl.set_postfieldsize handle (String.length text);
  Curl.set_customrequest handle verb;
  Curl.set_httpheader handle [ "Content-Type: application/json"; "Expect:" ]

(* The file is read while it is sent; curl learns its size first, since nodes want a Content-Length. *)
let send_file handle verb path source =
  Curl.set_upload handle true;
  Curl.set_customrequest handle verb;
  Curl.set_infilesizelarge handle (Unix.LargeFile.stat path).Unix.LargeFile.st_size;
  Curl.set_httpheader handle [ "Expect:" ];
  let piece = Bytes.create Source.piece_bytes in
  Curl.set_readfunction2 handle (fun wanted ->
    match source.Source.read piece 0 (min wanted Source.piece_bytes) with
    | Ok n -> Curl.Proceed (Bytes.sub_string piece 0 n)
    | Error _ -> Curl.Abort)

let with_body handle verb body f =
  match body with
  | Nothing ->
    Curl.set_customrequest handle verb;
    f ()
  | Text text ->
    send_text handle verb text;
    f ()
  | File path -> (
    match Source.of_file path with
    | Error _ as error -> error
    | Ok source ->
      Fun.protect ~finally:source.Source.close (fun () ->
        match send_file handle verb path source with
        | () -> f ()
        | exception Unix.Unix_error (error, _, _) -> Error (Unix.error_message error)))

let request ?token ?patience_s ~body verb url =
  guarded (fun () ->
    let handle = Curl.init () in
    Fun.protect
      ~finally:(fun () -> Curl.cleanup handle)
      (fun () ->
        guarded (fun () ->
          prepare ?token ?patience_s handle url;
          let all = collect handle in
          with_body handle verb body (fun () ->
            Curl.perform handle;
            Ok { status = Curl.get_responsecode handle; body = Buffer.contents all }))))
