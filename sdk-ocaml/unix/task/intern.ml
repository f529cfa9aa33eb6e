(* A hash table with open addressing and linear probing. A slot is one integer: the low bits are the key's number
   plus 1 (0: a free slot), the rest is a tag out of the key's hash. Most slots that hold another key are told by their
   tag, so that a look-up touches the slots and one key: in a word count nearly all of the time is such look-ups, and
   what they wait for is memory. Frequent keys come early and have low numbers, so what belongs to them lies together. *)

type t = {
  mutable slots : int array;  (* a power of two, at most half of them taken *)
  mutable keys : string array;
  mutable count : int;
}

let first_slots = 1024
let number_bits = 32
let number_mask = (1 lsl number_bits) - 1
let create () = { slots = Array.make first_slots 0; keys = Array.make (first_slots / 2) ""; count = 0 }
let count t = t.count
let key t number = t.keys.(number)

let clear t =
  t.slots <- Array.make first_slots 0;
  t.keys <- Array.make (first_slots / 2) "";
  t.count <- 0

(* Odd, with its bits spread: 2^62 divided by the golden ratio. *)
let multiplier = 0x278DDE6E5FD29F05
let word_bytes = 8

(* The upper half of a product is the mixed one: it is brought down for the next step and for the slot. *)
let mix hash more =
  let product = (hash lxor more) * multiplier in
  product lxor (product lsr 32)

(* It begins with the length, so that zeros at the end count. *)
let hash key =
  let size = String.length key in
  let rec bytes at hash =
    if at = size then hash else bytes (at + 1) (mix hash (Char.code (String.unsafe_get key at)))
  in
  let rec words at hash =
    if at + word_bytes > size then bytes at hash
    else words (at + word_bytes) (mix hash (Int64.to_int (String.get_int64_ne key at)))
  in
  words 0 size

let rec free_slot slots at =
  let at = at land (Array.length slots - 1) in
  if slots.(at) = 0 then at else free_slot slots (at + 1)

let grow t =
  let slots = Array.make (2 * Array.length t.slots) 0 in
  for number = 0 to t.count - 1 do
    let hash = hash t.keys.(number) in
    slots.(free_slot slots hash) <- hash land lnot number_mask lor (number + 1)
  done;
  t.slots <- slots;
  let keys = Array.make (Array.length slots / 2) "" in
  Array.blit t.keys 0 keys 0 t.count;
  t.keys <- keys

let add t key hash at =
  let number = t.count in
  t.keys.(number) <- key;
  t.count <- number + 1;
  t.slots.(at) <- hash land lnot number_mask lor (number + 1);
  if t.count = Array.length t.keys then grow t;
  number

let rec find t key hash at =
  let at = at land (Array.length t.slots - 1) in
  let slot = t.slots.(at) in
  if slot = 0 then add t key hash at
  else
    let number = (slot land number_mask) - 1 in
    if (slot lxor hash) land lnot number_mask = 0 && String.equal t.keys.(number) key then number
    else find t key hash (at + 1)

let number t key =
  let hash = hash key in
  find t key hash hash
