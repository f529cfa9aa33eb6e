open Disco

let ( let* ) = Result.bind
let default_memory_bytes = 128 * 1024 * 1024
let max_fan_in = 16

(* What a pair takes beside its bytes: two headers, a cons or a table's bucket. *)
let pair_overhead_bytes = 96

type combine = string -> string -> string -> string

(* The polymorphic table would compare keys by structure, which costs half the time of a word count. *)
module Table = Hashtbl.Make (struct
  type t = string

  let equal = String.equal
  let hash (key : string) = Hashtbl.hash key
end)

(* What is in memory: all pairs, the newest first, or one value a key. *)
type store = Pairs of (string * string) list ref | Combined of combine * string ref Table.t

type t = {
  store : store;
  memory_bytes : int;
  folder : string;
  mutable used_bytes : int;
  mutable count : int;
  mutable runs : Run.t list;  (* the newest first *)
  mutable written : int;
}

let create ?(memory_bytes = default_memory_bytes) ?combine ~folder () =
  let store =
    match combine with None -> Pairs (ref []) | Some combine -> Combined (combine, Table.create 4096)
  in
  { store; memory_bytes; folder; used_bytes = 0; count = 0; runs = []; written = 0 }

let runs t = List.length t.runs
let by_key (a, _) (b, _) = String.compare a b

(* The pairs in memory, sorted; memory is empty afterwards. *)
let take_sorted t =
  let pairs =
    match t.store with
    | Pairs newest ->
      let pairs = Array.of_list (List.rev !newest) in
      newest := [];
      pairs
    | Combined (_, table) ->
      let pairs = Array.of_seq (Seq.map (fun (key, value) -> (key, !value)) (Table.to_seq table)) in
      Table.reset table;
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

let add t key value =
  t.count <- t.count + 1;
  match t.store with
  | Pairs newest ->
    newest := (key, value) :: !newest;
    account t (String.length key + String.length value + pair_overhead_bytes)
  | Combined (combine, table) -> (
    match Table.find table key with
    | so_far ->
      let before = String.length !so_far in
      so_far := combine key !so_far value;
      account t (String.length !so_far - before)
    | exception Not_found ->
      Table.add table key (ref value);
      account t (String.length key + String.length value + pair_overhead_bytes))

(* Equal keys of different runs become one pair where there is a combiner. *)
let combining t (pull : Run.pull) : Run.pull =
  match t.store with
  | Pairs _ -> pull
  | Combined (combine, _) ->
    let ahead = ref None in
    let rec gather key value =
      let* next = pull () in
      match next with
      | Some (same, more) when same = key -> gather key (combine key value more)
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
