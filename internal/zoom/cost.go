package zoom

// ListCategory is what requests for a list of meetings are charged to.
func (c *Client) ListCategory() string { return ResourceIntensive }
