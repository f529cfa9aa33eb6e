package ddfs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"discoproject.org/disco/sdk-go/internal/fetch"
	"discoproject.org/disco/sdk-go/internal/rest"
)

// Error says that a server refused a request, or could not be asked.
type Error = rest.Error

// What errors.Is finds in an Error.
var (
	ErrNotFound = rest.ErrNotFound // 404: there is no such tag or attribute
	ErrToken    = rest.ErrToken    // 401: the token is missing or wrong
)

// DefaultPort is where masters and nodes serve, if nothing else is said.
const DefaultPort = 8989

// Client is a connection to the DDFS of a master. It may be shared by goroutines.
type Client struct {
	// Master is http://host:port.
	Master string
	// Token is sent with every request; "" sends none.
	Token string
	// DiscoPort is where nodes serve blobs: the master's port.
	DiscoPort int
	// Replicas is how many a pushed blob gets; 0 leaves it to the master.
	Replicas int

	web  *rest.Client
	site *fetch.Site
}

// New makes a client of the master at a URL, as in http://localhost:8989.
func New(master string) *Client {
	port := DefaultPort
	if parsed, err := url.Parse(master); err == nil {
		if given, err := strconv.Atoi(parsed.Port()); err == nil {
			port = given
		}
	}
	web := rest.New()
	return &Client{
		Master: strings.TrimSuffix(master, "/"), DiscoPort: port, web: web,
		site: &fetch.Site{DiscoPort: port, Label: fetch.AllLabels, HTTP: web.HTTP},
	}
}

// WithToken is the same client with another token.
func (c *Client) WithToken(token string) *Client {
	other := *c
	other.Token = token
	return &other
}

var illegal = regexp.MustCompile(`[^A-Za-z0-9_\-@:]`)

// SafeName is a legal name of a tag or blob: every other character becomes _.
func SafeName(name string) string { return illegal.ReplaceAllString(name, "_") }

// tagName is the plain name of a tag given as a name or as tag://NAME.
func tagName(tag string) (string, error) {
	name := strings.TrimPrefix(tag, "tag://")
	if name == "" || illegal.MatchString(name) {
		return "", fmt.Errorf("%q names no tag: a name is made of A-Z a-z 0-9 : @ - _", tag)
	}
	return name, nil
}

// ask sends a request about a tag. The rest follows its name in the path.
func (c *Client) ask(ctx context.Context, method, tag, rest string, body, answer any) error {
	name, err := tagName(tag)
	if err != nil {
		return err
	}
	return c.askMaster(ctx, method, "/ddfs/tag/"+name+rest, body, answer)
}

func (c *Client) askMaster(ctx context.Context, method, path string, body, answer any) error {
	request := rest.Request{Method: method, URL: c.Master + path, Token: c.Token}
	if body != nil {
		request.Body = rest.JSON(body)
	}
	if method == http.MethodGet && answer == nil {
		return fmt.Errorf("GET %s: nothing was asked for", path)
	}
	return c.web.Ask(ctx, request, answer)
}
