// Package ddfs is a client of Disco's distributed filesystem: tags, and the blobs they hold.
//
// A blob is a file that lies on several nodes; the URLs of its replicas are a set. A tag is a name for replica sets
// and for links to other tags (tag://NAME), with attributes and tokens. Nothing is held in memory whole: blobs are
// streamed from where they are, and opened as streams that go on in another replica when one is cut.
//
//	client := ddfs.New("http://localhost:8989")
//	_, err := client.Push(ctx, "data:words", []ddfs.File{ddfs.FromPath("words.txt")}, ddfs.TagOptions{})
//
// Refused requests are an *Error; errors.Is finds ErrNotFound and ErrToken in it.
package ddfs
