open Disco

let ( let* ) = Result.bind

external unset_variable : string -> unit = "disco_unset_variable"

type t = { home : string; variables : string array; mask : int; signals : (int * Sys.signal_behavior) list }

(* What others send. Those of faults are left alone: the runtime sees by SIGSEGV that the stack is full. *)
let signals =
  Sys.
    [
      sigalrm; sighup; sigint; sigpipe; sigquit; sigterm; sigusr1; sigusr2; sigchld; sigcont; sigtstp; sigttin; sigttou;
      sigvtalrm; sigprof; sigpoll; sigurg; sigxcpu; sigxfsz;
    ]

let now signal =
  match Sys.signal signal Sys.Signal_default with
  | behaviour ->
    Sys.set_signal signal behaviour;
    Some (signal, behaviour)
  | exception (Invalid_argument _ | Sys_error _) -> None

let keep () =
  match Sys.getcwd () with
  | exception Sys_error reason -> Error (Errors.Transient ("the job home is not there: " ^ reason))
  | home ->
    let mask = Unix.umask 0 in
    ignore (Unix.umask mask);
    Ok { home; variables = Unix.environment (); mask; signals = List.filter_map now signals }

let named variable =
  match String.index_opt variable '=' with
  | Some at when at > 0 ->
    Some (String.sub variable 0 at, String.sub variable (at + 1) (String.length variable - at - 1))
  | _ -> None

let restore_variables kept =
  let now = Unix.environment () in
  if now <> kept then begin
    Array.iter (fun variable -> Option.iter (fun (name, _) -> unset_variable name) (named variable)) now;
    Array.iter (fun variable -> Option.iter (fun (name, value) -> Unix.putenv name value) (named variable)) kept
  end

let restore kept =
  let* () =
    match Sys.chdir kept.home with
    | () -> Ok ()
    | exception Sys_error reason -> Error (Errors.Transient ("there is no way back to the job home: " ^ reason))
  in
  ignore (Unix.umask kept.mask);
  List.iter
    (fun (signal, behaviour) ->
      try Sys.set_signal signal behaviour with Invalid_argument _ | Sys_error _ -> ())
    kept.signals;
  match restore_variables kept.variables with
  | () -> Ok ()
  | exception Unix.Unix_error (error, _, name) ->
    Error (Errors.Transient (Printf.sprintf "the variable %s cannot be set: %s" name (Unix.error_message error)))
