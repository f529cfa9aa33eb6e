package ddfs

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// The names of the attributes that hold a tag's tokens.
const (
	ReadToken  = "ddfs:read-token"
	WriteToken = "ddfs:write-token"
)

// Tag is a tag object.
type Tag struct {
	ID           string            `json:"id"`
	Version      int               `json:"version"`
	LastModified string            `json:"last-modified"`
	URLs         [][]string        `json:"urls"` // newest first; a link to a tag is one tag:// URL
	UserData     map[string]string `json:"user-data"`
}

// TagOptions say how a tag is changed.
type TagOptions struct {
	// Update leaves out replica sets whose blob the tag already has.
	Update bool
	// Delayed lets the master commit the change together with others.
	Delayed bool
}

func (o TagOptions) query() string {
	values := url.Values{}
	if o.Update {
		values.Set("update", "1")
	}
	if o.Delayed {
		values.Set("delayed", "1")
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// List gives the names of all tags that begin with a prefix.
func (c *Client) List(ctx context.Context, prefix string) ([]string, error) {
	path := "/ddfs/tags"
	if prefix != "" {
		path += "/" + url.PathEscape(prefix)
	}
	var names []string
	err := c.askMaster(ctx, http.MethodGet, path, nil, &names)
	return names, err
}

// Get gives a tag. errors.Is(err, ErrNotFound) when there is none.
func (c *Client) Get(ctx context.Context, tag string) (*Tag, error) {
	var found Tag
	if err := c.ask(ctx, http.MethodGet, tag, "", nil, &found); err != nil {
		return nil, err
	}
	return &found, nil
}

// Exists is true for a protected tag too.
func (c *Client) Exists(ctx context.Context, tag string) (bool, error) {
	_, err := c.Get(ctx, tag)
	switch {
	case err == nil, errors.Is(err, ErrToken):
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	}
	return false, err
}

// Tag puts replica sets in front of those that a tag has, and makes the tag if there is none. It gives the URLs of
// the tag object. A tag that is made by a client with a token is protected by it.
func (c *Client) Tag(ctx context.Context, tag string, sets [][]string, options TagOptions) ([]string, error) {
	var urls []string
	err := c.ask(ctx, http.MethodPost, tag, options.query(), noNull(sets), &urls)
	return urls, err
}

// Replace replaces all replica sets of a tag. Programs that share a tag should use Tag.
func (c *Client) Replace(ctx context.Context, tag string, sets [][]string) ([]string, error) {
	var urls []string
	err := c.ask(ctx, http.MethodPut, tag, "", noNull(sets), &urls)
	return urls, err
}

// Delete deletes a tag; it is no error if there is none.
func (c *Client) Delete(ctx context.Context, tag string) error {
	var said string
	return c.ask(ctx, http.MethodDelete, tag, "", nil, &said)
}

// Attr gives an attribute: one of the user, or ReadToken or WriteToken ("" when that is not set).
func (c *Client) Attr(ctx context.Context, tag, name string) (string, error) {
	var value *string
	if err := c.ask(ctx, http.MethodGet, tag, attribute(name), nil, &value); err != nil || value == nil {
		return "", err
	}
	return *value, nil
}

// SetAttr sets an attribute: one of the user, or ReadToken or WriteToken.
func (c *Client) SetAttr(ctx context.Context, tag, name, value string) error {
	var said any
	return c.ask(ctx, http.MethodPut, tag, attribute(name), value, &said)
}

// DeleteAttr deletes an attribute; it is no error if the tag has none of this name.
func (c *Client) DeleteAttr(ctx context.Context, tag, name string) error {
	var said any
	return c.ask(ctx, http.MethodDelete, tag, attribute(name), nil, &said)
}

func attribute(name string) string { return "/" + url.PathEscape(name) }

// noNull makes no replica sets an empty list in JSON.
func noNull(sets [][]string) [][]string {
	if sets == nil {
		return [][]string{}
	}
	return sets
}

// Blobs gives all replica sets that can be reached from a tag, through links too, each tag once. A linked tag that
// is gone is passed over.
func (c *Client) Blobs(ctx context.Context, tag string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		waiting, seen := []string{tag}, map[string]bool{strings.TrimPrefix(tag, "tag://"): true}
		for first := true; len(waiting) > 0; first = false {
			found, err := c.Get(ctx, waiting[0])
			waiting = waiting[1:]
			if err != nil {
				if !first && errors.Is(err, ErrNotFound) {
					continue
				}
				yield(nil, err)
				return
			}
			for _, set := range found.URLs {
				if len(set) == 0 {
					continue
				}
				if link, is := strings.CutPrefix(set[0], "tag://"); is {
					if !seen[link] {
						seen[link] = true
						waiting = append(waiting, link)
					}
				} else if !yield(set, nil) {
					return
				}
			}
		}
	}
}
