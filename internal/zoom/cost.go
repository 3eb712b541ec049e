package zoom

// ListCategory is what requests for a list of meetings are charged to.
func (c *Client) ListCategory() string { return ResourceIntensive }

// ReadCost is what requests that read a meeting are charged to, and how many they are at
// least for so many joins.
func (c *Client) ReadCost(joins int) (category string, requests int) {
	pages := func(size int) int { return (joins + size - 1) / size }
	return Heavy, max(1, pages(listPageSize)+pages(qosPageSize))
}
