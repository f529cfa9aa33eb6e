type t = Buffer.t  (* the line that has begun *)

let create () = Buffer.create 256

let completed t bytes start stop =
  if Buffer.length t = 0 then Bytes.sub_string bytes start (stop - start)
  else begin
    Buffer.add_subbytes t bytes start (stop - start);
    let line = Buffer.contents t in
    Buffer.clear t;
    line
  end

let feed t bytes offset length f =
  let stop = offset + length in
  let rec line_end at = if at < stop && Bytes.unsafe_get bytes at <> '\n' then line_end (at + 1) else at in
  let rec from start =
    if start >= stop then Ok ()
    else
      let at = line_end start in
      if at = stop then begin
        Buffer.add_subbytes t bytes start (stop - start);
        Ok ()
      end
      else
        match f (completed t bytes start at) with
        | Ok () -> from (at + 1)
        | Error _ as error -> error
  in
  if offset < 0 || length < 0 || stop > Bytes.length bytes then invalid_arg "Disco.Line.feed" else from offset

let finish t f =
  if Buffer.length t = 0 then Ok ()
  else begin
    let line = Buffer.contents t in
    Buffer.clear t;
    f line
  end
