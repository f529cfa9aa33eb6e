open Disco

let ( let* ) = Result.bind
let default_memory_bytes = 128 * 1024 * 1024
let max_fan_in = 16

(* What a pair takes beside its bytes: two headers, a cons or a table's bucket. *)
let pair_overhead_bytes = 96
let first_values = 512

type combine = Sum | Fold of (string -> string -> string -> string)

let two_in_one combine key a b =
  match combine with
  | Sum -> Decimal.text (Decimal.number a + Decimal.number b)
  | Fold f -> f key a b

(* What is in memory: all pairs, the newest first, or one value a key, by the key's number. *)
type store =
  | Pairs of (string * string) list ref
  | Sums of { keys : Intern.t; mutable sums : int array }
  | Folded of { keys : Intern.t; mutable values : string array; f : string -> string -> string -> string }

type t = {
  store : store;
  combine : combine option;
  memory_bytes : int;
  folder : string;
  mutable used_bytes : int;
  mutable runs : Run.t list;  (* the newest first *)
  mutable written : int;
}

let create ?(memory_bytes = default_memory_bytes) ?combine ~folder () =
  let store =
    match combine with
    | None -> Pairs (ref [])
    | Some Sum -> Sums { keys = Intern.create (); sums = [||] }
    | Some (Fold f) -> Folded { keys = Intern.create (); values = [||]; f }
  in
  { store; combine; memory_bytes; folder; used_bytes = 0; runs = []; written = 0 }

let runs t = List.length t.runs
let by_key (a, _) (b, _) = String.compare a b

(* The keys with their values; the keys are forgotten. *)
let all_keys keys value =
  let pairs = Array.init (Intern.count keys) (fun number -> (Intern.key keys number, value number)) in
  Intern.clear keys;
  pairs

(* The pairs in memory, sorted; memory is empty afterwards. *)
let take_sorted t =
  let pairs =
    match t.store with
    | Pairs newest ->
      let pairs = Array.of_list (List.rev !newest) in
      newest := [];
      pairs
    | Sums store ->
      let pairs = all_keys store.keys (fun number -> Decimal.text store.sums.(number)) in
      store.sums <- [||];
      pairs
    | Folded store ->
      let pairs = all_keys store.keys (fun number -> store.values.(number)) in
      store.values <- [||];
      pairs
  in
  t.used_bytes <- 0;
  Array.stable_sort by_key pairs;
  pairs

let new_path t =
  t.written <- t.written + 1;
  Printf.sprintf "%s/sort-%d-%d-%.0f.run" t.folder (Unix.getpid ()) t.written (Unix.gettimeofday () *. 1e6)

let rec add_all add pairs at =
  if at = Array.length pairs then Ok ()
  else
    let key, value = pairs.(at) in
    let* () = add key value in
    add_all add pairs (at + 1)

let spill t =
  let pairs = take_sorted t in
  let* run = Run.write (new_path t) (fun add -> add_all add pairs 0) in
  t.runs <- run :: t.runs;
  Ok ()

let account t bytes =
  t.used_bytes <- t.used_bytes + bytes;
  if t.used_bytes > t.memory_bytes then spill t else Ok ()

(* [values], or twice as many, so that there is one with that number. *)
let with_room values number filler =
  let size = Array.length values in
  if number < size then values
  else Array.append values (Array.make (max first_values size) filler)

let add t key value =
  match t.store with
  | Pairs newest ->
    newest := (key, value) :: !newest;
    account t (String.length key + String.length value + pair_overhead_bytes)
  | Sums store ->
    let before = Intern.count store.keys in
    let number = Intern.number store.keys key in
    if number < before then begin
      store.sums.(number) <- store.sums.(number) + Decimal.number value;
      Ok ()
    end
    else begin
      store.sums <- with_room store.sums number 0;
      store.sums.(number) <- Decimal.number value;
      account t (String.length key + pair_overhead_bytes)
    end
  | Folded store ->
    let before = Intern.count store.keys in
    let number = Intern.number store.keys key in
    if number < before then begin
      let so_far = store.values.(number) in
      let folded = store.f key so_far value in
      store.values.(number) <- folded;
      account t (String.length folded - String.length so_far)
    end
    else begin
      store.values <- with_room store.values number "";
      store.values.(number) <- value;
      account t (String.length key + String.length value + pair_overhead_bytes)
    end

(* Equal keys of different runs become one pair where there is a combiner. *)
let combining t (pull : Run.pull) : Run.pull =
  match t.combine with
  | None -> pull
  | Some combine ->
    let ahead = ref None in
    let rec gather key value =
      let* next = pull () in
      match next with
      | Some (same, more) when same = key -> gather key (two_in_one combine key value more)
      | next ->
        ahead := next;
        Ok (Some (key, value))
    in
    let started = ref false in
    fun () ->
      let* first = if !started then Ok !ahead else pull () in
      started := true;
      (match first with None -> Ok None | Some (key, value) -> gather key value)

let rec add_pulled (pull : Run.pull) add =
  let* next = pull () in
  match next with
  | None -> Ok ()
  | Some (key, value) ->
    let* () = add key value in
    add_pulled pull add

let merge t runs =
  let* run =
    Run.with_merged runs (fun pull -> Run.write (new_path t) (add_pulled (combining t pull)))
  in
  Run.remove runs;
  Ok run

let rec split n found = function
  | one :: rest when n > 0 -> split (n - 1) (one :: found) rest
  | rest -> (List.rev found, rest)

(* Neighbours are merged, so that pairs of one key keep their order. *)
let rec pass t merged = function
  | [] -> Ok (List.rev merged)
  | runs ->
    let some, rest = split max_fan_in [] runs in
    let* run = match some with [ run ] -> Ok run | some -> merge t some in
    pass t (run :: merged) rest

let rec few_enough t runs =
  if List.compare_length_with runs max_fan_in <= 0 then Ok runs
  else
    let* runs = pass t [] runs in
    t.runs <- List.rev runs;
    few_enough t runs

let pull_of_array pairs =
  let at = ref 0 in
  fun () ->
    if !at = Array.length pairs then Ok None
    else begin
      incr at;
      Ok (Some pairs.(!at - 1))
    end

let with_sorted t f =
  if t.runs = [] then f (pull_of_array (take_sorted t))
  else
    let finally () =
      Run.remove t.runs;
      t.runs <- []
    in
    Fun.protect ~finally (fun () ->
      let* () = if t.used_bytes > 0 then spill t else Ok () in
      let* runs = few_enough t (List.rev t.runs) in
      Run.with_merged runs (fun pull -> f (combining t pull)))

let iter t f = with_sorted t (fun pull -> add_pulled pull f)

(* ---- groups *)

type cursor = {
  pull : Run.pull;
  mutable head : (string * string) option;
  mutable broken : Errors.failure option;
}

let advance cursor =
  match cursor.pull () with
  | Ok head -> cursor.head <- head
  | Error failure ->
    cursor.head <- None;
    cursor.broken <- Some failure

(* The values of [key], each taken off the stream when it is asked for. *)
let rec values cursor key () =
  match cursor.head with
  | Some (same, value) when same = key ->
    advance cursor;
    Seq.Cons (value, values cursor key)
  | _ -> Seq.Nil

let rec each_group cursor f =
  match (cursor.broken, cursor.head) with
  | Some failure, _ -> Error failure
  | None, None -> Ok ()
  | None, Some (key, _) ->
    let group = values cursor key in
    let* () = f key group in
    Seq.iter ignore (values cursor key);
    each_group cursor f

let groups t f =
  with_sorted t (fun pull ->
    let cursor = { pull; head = None; broken = None } in
    advance cursor;
    each_group cursor f)
