open Disco

let ( let* ) = Result.bind

type program = Task.t -> (unit, Errors.failure) result

let ended_well = 0
let ended_badly = 1

(* Signals that would end the process without a word when a write fails; the write's error says it instead. *)
let ignore_write_signals () =
  List.iter
    (fun signal -> try Sys.set_signal signal Sys.Signal_ignore with Invalid_argument _ | Sys_error _ -> ())
    [ Sys.sigpipe; Sys.sigxfsz ]

let trapped program task =
  match program task with
  | result -> result
  | exception Out_of_memory -> Error (Errors.Transient "the task ran out of memory")
  | exception Stack_overflow -> Error (Errors.Transient "the task ran out of stack")
  | exception error ->
    let trace = Printexc.get_backtrace () in
    Error (Errors.Transient (String.trim ("Uncaught exception: " ^ Printexc.to_string error ^ "\n" ^ trace)))

let out_of_place reply =
  let name = Message.name (Message.Reply reply) in
  Error (Errors.Protocol (Errors.Bad_message { name; reason = "it does not answer the request" }))

(* Also after a task that failed: its outputs lie below the job home. *)
let set_right kept result =
  match kept with
  | None -> result
  | Some kept ->
    let restored = Surroundings.restore kept in
    if Result.is_error result then result else restored

let rec tasks channel prints kept program info =
  let task = Task.create channel prints info in
  let* () = set_right kept (trapped program task) in
  let* () = Task.say_prints task in
  let* reply = Channel.ask channel Message.Done in
  match reply with
  | Message.Ok -> Ok ()
  | Message.Task next -> tasks channel prints kept program next
  | other -> out_of_place other

let conversation ~reuse channel prints kept program =
  let hello = Message.Hello { version = Message.version; pid = Unix.getpid (); reuse } in
  let* reply = Channel.ask channel hello in
  let* () = match reply with Message.Ok -> Ok () | other -> out_of_place other in
  let* reply = Channel.ask channel Message.Get_task in
  match reply with
  | Message.Task info -> tasks channel prints kept program info
  | other -> out_of_place other

let say_prints channel prints =
  List.iter (fun line -> ignore (Channel.ask channel (Message.Msg line))) (Standard.drain prints)

let last_word channel prints word =
  say_prints channel prints;
  ignore (Channel.ask channel word)

(* What is told depends on what Disco has to do; a Disco that lost its framing is told, and not listened to. *)
let tell channel prints failure =
  let text = Errors.to_string failure in
  match failure with
  | Errors.Transient _ | Errors.Bad_input _ -> last_word channel prints (Message.Error text)
  | Errors.Fatal _ -> last_word channel prints (Message.Fatal text)
  | Errors.Protocol (Errors.Bad_message _ | Errors.Version_mismatch _) ->
    ignore (Channel.ask channel (Message.Fatal text))
  | Errors.Protocol (Errors.Not_a_frame _) -> Channel.tell channel (Message.Error text)
  | Errors.Protocol (Errors.Out_of_turn _) -> last_word channel prints (Message.Error text)
  | Errors.Lost _ -> ()

let serve ?(reuse = true) ?timeout_s ?(prints = Standard.nowhere) ?surroundings ~requests ~replies program =
  ignore_write_signals ();
  let channel = Channel.create ?timeout_s ~requests ~replies () in
  match conversation ~reuse channel prints surroundings program with
  | Ok () -> ended_well
  | Error failure ->
    tell channel prints failure;
    ended_badly

let main ?reuse program =
  ignore_write_signals ();
  match (Standard.take (), Surroundings.keep ()) with
  | Error reason, _ ->
    prerr_endline ("cannot move the standard streams: " ^ reason);
    exit ended_badly
  | Ok { Standard.requests; replies; prints }, kept ->
    exit (serve ?reuse ~prints ?surroundings:(Result.to_option kept) ~requests ~replies program)
