let rec remove path =
  if Sys.is_directory path then begin
    Array.iter (fun name -> remove (Filename.concat path name)) (Sys.readdir path);
    Unix.rmdir path
  end
  else Unix.unlink path

let rec make path =
  if not (Sys.file_exists path) then begin
    make (Filename.dirname path);
    Unix.mkdir path 0o755
  end

let count = ref 0

let with_folder f =
  incr count;
  let name = Printf.sprintf "disco-test-%d-%d" (Unix.getpid ()) !count in
  let folder = Filename.concat (Filename.get_temp_dir_name ()) name in
  make folder;
  Fun.protect ~finally:(fun () -> remove folder) (fun () -> f folder)

let write folder name content =
  let path = Filename.concat folder name in
  make (Filename.dirname path);
  let channel = open_out_bin path in
  output_string channel content;
  close_out channel;
  path

let read path =
  let channel = open_in_bin path in
  Fun.protect
    ~finally:(fun () -> close_in channel)
    (fun () -> really_input_string channel (in_channel_length channel))
